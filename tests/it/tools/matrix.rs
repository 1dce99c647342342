//! What becomes of a deployment with every tool and version, case by case, as the tests saw it: `target/tools/matrix/*.md`,
//! which `script/matrix` puts together.

use std::fs;

use crate::docs::root;
use crate::tools::stage::Row;
use crate::tools::tool::Tool;

/// Writes the rows of one tool in one version, in the place of those that an earlier test run wrote.
pub async fn record(tool: &Tool, rows: &[Row]) {
    let version = format!("{} ({})", tool.version().await, tool.origin);
    let mut text = String::new();
    for row in rows {
        let exit = row.exit.map_or_else(|| "none".to_owned(), |code| code.to_string());
        let cells = [
            tool.provider,
            &version,
            row.case,
            &exit,
            &row.state,
            &row.told,
            &format!("{:.1}", row.seconds),
        ];
        text.push_str(&format!("| {} |\n", cells.map(cell).join(" | ")));
    }
    let folder = root().join("target/tools/matrix");
    fs::create_dir_all(&folder).expect("the folder is ours");
    let name = format!("{}-{}.md", tool.provider, tool.origin.to_lowercase());
    let aside = folder.join(format!(".{name}"));
    fs::write(&aside, text).expect("the folder is ours");
    fs::rename(aside, folder.join(name)).expect("the folder is ours");
}

/// A text that is one cell.
fn cell(text: &str) -> String {
    text.replace('|', r"\|").replace('\n', " ")
}
