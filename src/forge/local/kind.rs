//! `kind = "local"` in `referee.toml`.

use std::sync::Arc;

use super::LocalForge;
use crate::config::LocalSettings;
use crate::forge::kind::{ForgeContext, ForgeKind};
use crate::forge::{Capabilities, Forge, Result};

impl ForgeKind for LocalSettings {
    fn capabilities(&self) -> Capabilities {
        Capabilities::NOTES_ONLY
    }

    fn hosts_repositories(&self) -> bool {
        true
    }

    fn open(&self, context: &ForgeContext) -> Result<Option<Arc<dyn Forge>>> {
        let (url, program) = (context.daemon_url.clone(), context.program.clone());
        Ok(Some(Arc::new(LocalForge::new(self.root.clone(), url, program))))
    }
}
