//! Takes from what a browser loads what only people read: comments and indentation of sheets and scripts, and the long names
//! by which the code and its glue call each other. Eight kilobytes, compressed.

use std::collections::BTreeMap;

/// A sheet without comments and indentation.
pub fn sheet(css: &str) -> String {
    let mut bare = String::with_capacity(css.len());
    let mut rest = css;
    while let Some(start) = rest.find(['/', '"', '\'']) {
        let (before, from) = rest.split_at(start);
        bare.push_str(before);
        let quote = from.chars().next().unwrap_or('"');
        let (kept, after) = match from.strip_prefix("/*") {
            Some(comment) => ("", comment.split_once("*/").map_or("", |(_, after)| after)),
            None if quote == '/' => from.split_at(1),
            // A text may hold what looks like a comment.
            None => from[1..].find(quote).map_or((from, ""), |end| from.split_at(end + 2)),
        };
        bare.push_str(kept);
        rest = after;
    }
    bare.push_str(rest);
    lines(&bare, &['{', '}', ';', ','], |_| true)
}

/// A script, wasm-bindgen's or ours, without the comments that stand on lines of their own, and without indentation.
pub fn glue(script: &str) -> String {
    let mut in_comment = false;
    lines(script, &['{', ';', ','], |line| {
        in_comment |= line.starts_with("/*");
        let is_comment = in_comment || line.starts_with("//");
        in_comment &= !line.ends_with("*/");
        !is_comment
    })
}

/// The lines without indentation. Behind one of `ends` a line needs no end of its own, unless a comment may be in it.
fn lines(text: &str, ends: &[char], mut keeps: impl FnMut(&str) -> bool) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && keeps(line));
    let end = |line: &str| if line.ends_with(ends) && !line.contains("//") { "" } else { "\n" };
    lines.flat_map(|line| [line, end(line)]).collect()
}

/// Short names for long ones, given out in the order in which they are asked for.
#[derive(Default)]
pub struct Names(BTreeMap<String, String>);

impl Names {
    /// The short name of an import or an export that wasm-bindgen has named; others are called by their names from outside.
    pub fn shorten(&mut self, name: &mut String) {
        if name.starts_with("__wb") || name.starts_with("wasm_bindgen__") {
            let next = format!("${}", self.0.len());
            name.clone_from(self.0.entry(name.clone()).or_insert(next));
        }
    }

    /// A script that says the short names wherever it said the long ones.
    pub fn applied(&self, script: &str) -> String {
        let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
        let mut short = String::with_capacity(script.len());
        let mut rest = script;
        while let Some(start) = rest.find(is_of_name) {
            let (before, from) = rest.split_at(start);
            let (name, after) = from.split_at(from.find(|c| !is_of_name(c)).unwrap_or(from.len()));
            short.push_str(before);
            short.push_str(self.0.get(name).map_or(name, String::as_str));
            rest = after;
        }
        short.push_str(rest);
        short
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_loses_its_comments_and_keeps_its_texts() {
        let css =
            "/* Why. */\n.a::before {\n  content: \"/* not a comment */\";\n  width: calc(1px / 2); /* half */\n}\n";
        assert_eq!(sheet(css), ".a::before {content: \"/* not a comment */\";width: calc(1px / 2);}");
    }

    #[test]
    fn a_script_loses_lines_of_comment_alone() {
        let script = "/**\n * @param {number} a\n */\nf(a) {\n    // Why.\n    return \"http://a\"; // kept\n}\n";
        assert_eq!(glue(script), "f(a) {return \"http://a\"; // kept\n}\n");
    }

    #[test]
    fn both_sides_call_each_other_by_one_short_name() {
        let mut names = Names::default();
        let mut module = ["__wbg_get_01", "memory", "__wbg_get_0", "__wbg_get_01"].map(str::to_owned);
        module.iter_mut().for_each(|name| names.shorten(name));
        assert_eq!(module, ["$0", "memory", "$1", "$0"]);
        let script = "{ __wbg_get_0: f, __wbg_get_01: g }; wasm.memory; wasm.__wbg_get_0(); __wbg_init()";
        assert_eq!(names.applied(script), "{ $1: f, $0: g }; wasm.memory; wasm.$1(); __wbg_init()");
    }
}
