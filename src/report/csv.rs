//! Tables for spreadsheets. A spreadsheet takes some texts for formulas, and names in requests are anybody's: none of these does.
//! <https://owasp.org/www-community/attacks/CSV_Injection>

use crate::report::log_text::plain;

/// What a formula begins with, in any of the letters that spreadsheets take for these.
const BEGINS_FORMULA: [char; 10] = ['=', '+', '-', '@', '＝', '＋', '－', '＠', '|', '%'];

/// A line of a table, with its end.
#[must_use]
pub fn line<'a>(fields: impl IntoIterator<Item = &'a str>) -> String {
    let mut line = String::new();
    for field in fields {
        if !line.is_empty() {
            line.push(',');
        }
        line.push_str(&cell(field));
    }
    line.push_str("\r\n");
    line
}

fn cell(text: &str) -> String {
    let text = plain(text.as_bytes()).replace(['\n', '\t'], " ");
    let is_formula = text.trim_start().starts_with(BEGINS_FORMULA);
    let guard = if is_formula { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_a_formula_or_ends_its_cell() {
        for (text, expected) in [
            ("main", "\"main\""),
            ("", "\"\""),
            ("=cmd|' /C calc'!A0", "\"'=cmd|' /C calc'!A0\""),
            ("+1", "\"'+1\""),
            ("-2+3", "\"'-2+3\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("  =1", "\"'  =1\""),
            ("＝1", "\"'＝1\""),
            ("a \"b\", c", "\"a \"\"b\"\", c\""),
            ("\",=1", "\"\"\",=1\""),
        ] {
            assert_eq!(cell(text), expected, "{text}");
        }
        assert!(!cell("\t=1\r\n=2").contains(['\t', '\r']));
        assert_eq!(line(["a", "b"]), "\"a\",\"b\"\r\n");
    }
}
