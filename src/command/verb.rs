//! The names of the commands, as numbers of rows in the table. Carries no meaning: see `table`.

/// One command, without its arguments.
///
/// In the order of the table, which is the order of every list of commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the table says what each of them does")]
pub enum Verb {
    Help,
    Status,
    Quota,
    Choose,
    Withdraw,
    Queue,
    Pause,
    Resume,
    PhaseOpen,
    PhaseClose,
    PhaseExtend,
    Freeze,
    Unfreeze,
    Publish,
    Rerun,
    Cancel,
    Rescore,
    Apply,
    Discard,
    Disqualify,
    Reinstate,
    Grant,
    TeamAdd,
    TeamApprove,
    TeamList,
    Announce,
    Export,
}

impl Verb {
    /// How many there are.
    pub const COUNT: usize = Self::Export as usize + 1;
}
