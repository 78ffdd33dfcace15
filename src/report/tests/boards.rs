//! A leaderboard as a table for terminals, as CSV and as Markdown.

use super::super::BoardView;
use super::super::board_text::{csv, markdown, terminal};
use super::super::style::Style;

#[test]
fn terminal_table() {
    insta::assert_snapshot!(terminal(&BoardView::sample(), Style::Plain), @"
    Nuclei in fluorescence microscopy: Validation, Instance segmentation
    open until 2026-04-30T23:59:59Z; 34 submissions, 2 in progress

    rank  team                  mean rank   AP@0.5 ↑     Dice ↑  HD95 [px] ↓  submission  received
       1  delta                      2.00  0.831 (1)  0.866 (3)    3.914 (2)         #31  2026-03-01T15:44:07Z
       1  alpha                      2.00  0.812 (2)  0.874 (1)    4.037 (3)         #12  2026-02-28T02:47:27Z
       1  gamma                      2.00  0.798 (3)  0.871 (2)    3.702 (1)         #27  2026-03-01T07:57:27Z
       4  beta                       4.00  0.774 (4)  0.852 (4)    5.118 (4)         #19  2026-02-28T16:24:07Z
       5  epsilon-lab                5.00  0.702 (5)  0.811 (5)    7.450 (5)         #22  2026-02-28T22:14:07Z
       6  zeta                       6.00  0.655 (6)  0.790 (6)    9.981 (6)          #8  2026-02-27T19:00:47Z
       7  threshold (baseline)       7.00  0.412 (7)  0.688 (7)   21.300 (7)          #1  2026-02-27T05:24:07Z

    Ranked by the mean of the ranks by each metric. Referee aggregates the values of all cases, then
    ranks the teams.
    ");
}

#[test]
fn empty_leaderboard() {
    insta::assert_snapshot!(terminal(&BoardView::sample_empty(), Style::Plain), @r"
    Nuclei in fluorescence microscopy: Validation, Instance segmentation
    open until 2026-04-30T23:59:59Z; 0 submissions

    No submission has a score yet.
    ");
    assert!(markdown(&BoardView::sample_empty()).ends_with("No submission has a score yet.\n"));
    assert_eq!(csv(&BoardView::sample_empty()).lines().count(), 1);
}

#[test]
fn csv_table() {
    insta::assert_snapshot!(csv(&BoardView::sample()).replace("\r\n", "\n"), @r"
    rank,team,is_baseline,mean_rank,ap50,ap50_rank,dice,dice_rank,hd95,hd95_rank,imputed,submission,commit,received
    1,delta,false,2.00,0.831,1,0.866,3,3.914,2,0,31,4f4a9410ffcdf895c4adb880659e9b5c0dd1f23a,2026-03-01T15:44:07Z
    1,alpha,false,2.00,0.812,2,0.874,1,4.037,3,0,12,8ed3f6ad685b959ead7022518e1af76cd816f8e8,2026-02-28T02:47:27Z
    1,gamma,false,2.00,0.798,3,0.871,2,3.702,1,0,27,be9d587defa1f0c09ef49eb17e206983a5f8f828,2026-03-01T07:57:27Z
    4,beta,false,4.00,0.774,4,0.852,4,5.118,4,0,19,f44e64e75f3948e9f73f8dfa94721c4ce8cbb4f2,2026-02-28T16:24:07Z
    5,epsilon-lab,false,5.00,0.702,5,0.811,5,7.450,5,0,22,6d78ca96dd1fe6221f4613757d4c7739ea7bbb5c,2026-02-28T22:14:07Z
    6,zeta,false,6.00,0.655,6,0.790,6,9.981,6,3,8,5cc10d9143b2cff082cf5fb373073b13d02d12c9,2026-02-27T19:00:47Z
    7,threshold,true,7.00,0.412,7,0.688,7,21.300,7,0,1,497e22fe854a24bcfb8aa568e454fa262cdb64a1,2026-02-27T05:24:07Z
    ");
}

#[test]
fn markdown_table() {
    insta::assert_snapshot!(markdown(&BoardView::sample()), @r"
    ## Validation: Instance segmentation

    open until 2026-04-30T23:59:59Z; 34 submissions, 2 in progress

    | rank | team | mean rank | AP\@<!-- -->0.5 ↑ | Dice ↑ | HD95 &#91;px&#93; ↓ | submission | received |
    |--:|---|--:|--:|--:|--:|--:|---|
    | 1 | delta | 2.00 | **0.831 (1)** | 0.866 (3) | 3.914 (2) | 31 | 2026-03-01T15:44:07Z |
    | 1 | alpha | 2.00 | 0.812 (2) | **0.874 (1)** | 4.037 (3) | 12 | 2026-02-28T02:47:27Z |
    | 1 | gamma | 2.00 | 0.798 (3) | 0.871 (2) | **3.702 (1)** | 27 | 2026-03-01T07:57:27Z |
    | 4 | beta | 4.00 | 0.774 (4) | 0.852 (4) | 5.118 (4) | 19 | 2026-02-28T16:24:07Z |
    | 5 | epsilon-lab | 5.00 | 0.702 (5) | 0.811 (5) | 7.450 (5) | 22 | 2026-02-28T22:14:07Z |
    | 6 | zeta | 6.00 | 0.655 (6) | 0.790 (6) | 9.981 (6) | 8 | 2026-02-27T19:00:47Z |
    | 7 | threshold (baseline) | 7.00 | 0.412 (7) | 0.688 (7) | 21.300 (7) | 1 | 2026-02-27T05:24:07Z |

    Ranked by the mean of the ranks by each metric. Referee aggregates the values of all cases, then ranks the teams.
    ");
}
