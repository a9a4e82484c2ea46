//! Cuts the code where src/apart.rs says: what a report needs, and parts that come later.
//!
//! The cutting is wasm-split's, which leptos' own tool uses, too. It goes by the relocations that the linker leaves: what is
//! reached from one part alone is in that part, and what several need in one more that each of them loads. Its script, which
//! loads parts when the code asks for them, becomes a piece of the glue: as a file of its own each would name the other, and
//! both names hold a hash. What parts look like comes with them: no part is there before its sheet.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, anyhow, ensure};

use crate::root;

/// The code, cut.
pub struct Split {
    pub main: Vec<u8>,
    /// By the name under which the script loads each.
    pub parts: Vec<Part>,
    script: String,
}

pub struct Part {
    /// A file's, without its extension.
    pub name: String,
    /// The functions of src/apart.rs that need it.
    pub of: Vec<String>,
    pub code: Vec<u8>,
}

/// What the code imports the script as, and the script the glue.
const SCRIPT: &str = "./parts.js";
const GLUE: &str = "./glue.js";

/// Asks for the sheet of the parts, unless it is there or on its way. As a part that did not come, it is asked for again.
const SHEET: &str = r#"let sheet;
function makeSheet() {
  return sheet ??= new Promise((resolve, reject) => {
    const onerror = () => { link.remove(); sheet = undefined; reject(new Error(link.href)); };
    const wanted = { rel: "stylesheet", href: new URL("./SHEET", import.meta.url), crossOrigin: "", onload: resolve, onerror };
    const link = Object.assign(document.createElement("link"), wanted);
    document.head.append(link);
  });
}
"#;

/// Where a part waits for what it needs besides.
const NEEDED: &str = "deps.map(d => d())";

/// Cuts the code, which was linked with its relocations.
pub fn split(code: &[u8]) -> Result<Split> {
    let folder = root::cargo_target().join("parts");
    // What was cut before is no part of this.
    let _ = fs::remove_dir_all(&folder);
    let main = folder.join("main.wasm");
    let mut options = wasm_split_cli_support::Options::new(code);
    options.output_dir = &folder;
    options.main_out_path = &main;
    options.link_name = SCRIPT;
    options.main_module = GLUE;
    let made = wasm_split_cli_support::transform(options).map_err(|error| anyhow!("cannot cut the code: {error:#}"))?;
    let mut needed_by: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (function, parts) in made.prefetch_map {
        for part in parts {
            needed_by.entry(part).or_default().push(function.clone());
        }
    }
    let read = |name: &str| {
        let path = folder.join(name);
        fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    let parts = needed_by.into_iter().map(|(name, mut of)| {
        of.sort();
        Ok(Part { code: read(&format!("{name}.wasm"))?, name, of })
    });
    Ok(Split {
        parts: parts.collect::<Result<_>>()?,
        main: read("main.wasm")?,
        script: String::from_utf8(read(SCRIPT)?).context("the script that loads parts is not UTF-8")?,
    })
}

impl Split {
    /// Code that is not cut.
    pub fn whole(main: Vec<u8>) -> Split {
        Split { main, parts: Vec::new(), script: String::new() }
    }

    /// The glue with the script in it, which loads each part by its file's new name, and this sheet before.
    pub fn joined(&self, glue: &str, files: &BTreeMap<String, String>, sheet: &str) -> Result<String> {
        if self.parts.is_empty() {
            return Ok(glue.to_owned());
        }
        let mut script = self.script.clone();
        for (name, file) in files {
            let old = format!("\"./{name}.wasm\"");
            ensure!(script.contains(&old), "nothing loads the part {name}");
            script = script.replace(&old, &format!("\"./{file}\""));
        }
        ensure!(script.contains(NEEDED), "no part waits for others");
        let script = SHEET.replace("SHEET", sheet) + &script.replace(NEEDED, "[...deps, makeSheet].map(d => d())");
        // What each imports of the other is in one script now.
        let script = script.replace(&format!("import {{ initSync }} from \"{GLUE}\";\n"), "");
        let loaders: Vec<&str> = script
            .lines()
            .filter_map(|line| line.strip_prefix("export const ")?.split_once(" = ").map(|(name, _)| name))
            .collect();
        let script = script.replace("export const ", "const ");
        // It imports it once for each part.
        let from = format!(" from \"{SCRIPT}\"");
        let imported = |line: &str| Some(line.strip_prefix("import * as ")?.strip_suffix(&from)?.to_owned());
        let (imports, rest): (Vec<&str>, Vec<&str>) = glue.lines().partition(|line| imported(line).is_some());
        ensure!(!imports.is_empty(), "the glue does not import the script that loads parts");
        let given = format!("{{ {} }}", loaders.join(", "));
        let given = imports.into_iter().filter_map(imported).map(|name| format!("const {name} = {given};\n"));
        Ok(format!("{script}{}{}\n", given.collect::<String>(), rest.join("\n")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_glue_loads_parts_by_their_new_names() {
        let script = "import { initSync } from \"./glue.js\";\n\nfunction get() { initSync(undefined, undefined); }\n\
                      function load(deps) { deps.map(d => d()); }\n\
                      export const __wasm_split_load_rest = load(() => fetch(\"./split_rest.wasm\"));\n";
        let part = Part { name: "split_rest".to_owned(), of: vec!["rest".to_owned()], code: Vec::new() };
        let split = Split { main: Vec::new(), parts: vec![part], script: script.to_owned() };
        let files = BTreeMap::from([("split_rest".to_owned(), "part-rest-01.wasm".to_owned())]);
        let glue = "import * as import1 from \"./parts.js\"\nimport * as import2 from \"./parts.js\"\nfunction imports() { return { \"./parts.js\": import1 }; }\n";
        let joined = split.joined(glue, &files, "part-sheet-02.css").expect("they fit");
        assert!(joined.starts_with(&SHEET.replace("SHEET", "part-sheet-02.css")));
        assert_eq!(
            joined.split_once("\n}\n").expect("the sheet").1,
            "\nfunction get() { initSync(undefined, undefined); }\n\
             function load(deps) { [...deps, makeSheet].map(d => d()); }\n\
             const __wasm_split_load_rest = load(() => fetch(\"./part-rest-01.wasm\"));\n\
             const import1 = { __wasm_split_load_rest };\n\
             const import2 = { __wasm_split_load_rest };\n\
             function imports() { return { \"./parts.js\": import1 }; }\n"
        );
        assert!(split.joined("another glue", &files, "").is_err());
    }
}
