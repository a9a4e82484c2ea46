//! Takes out of the code what it exports and nobody calls: whatever is exported stays, and all that it needs.
//!
//! leptos' server functions bring streams as classes for JavaScript (`wasm-streams`), and there are no server functions here.

use anyhow::{Context, Result};
use wasm_encoder::{ExportKind, ExportSection, Module, RawSection};
use wasmparser::{ExternalKind, Parser, Payload};

/// Which exports these are: methods of classes, and what describes them to wasm-bindgen.
fn is_unused(name: &str) -> bool {
    name.contains("intounderlying")
}

/// The same code without these exports. All else is kept byte by byte: what the linker said of the code holds of it.
pub fn left_out(code: &[u8]) -> Result<Vec<u8>> {
    let mut module = Module::new();
    for payload in Parser::new(0).parse_all(code) {
        let payload = payload.context("cannot read the code")?;
        if let Payload::ExportSection(exports) = payload {
            let mut kept = ExportSection::new();
            for export in exports {
                let export = export.context("cannot read what the code exports")?;
                if !is_unused(export.name) {
                    kept.export(export.name, kind(export.kind), export.index);
                }
            }
            module.section(&kept);
        } else if let Some((id, range)) = payload.as_section() {
            let data = code.get(range).context("a section is beyond the code")?;
            module.section(&RawSection { id, data });
        }
    }
    Ok(module.finish())
}

fn kind(kind: ExternalKind) -> ExportKind {
    match kind {
        ExternalKind::Func | ExternalKind::FuncExact => ExportKind::Func,
        ExternalKind::Table => ExportKind::Table,
        ExternalKind::Memory => ExportKind::Memory,
        ExternalKind::Global => ExportKind::Global,
        ExternalKind::Tag => ExportKind::Tag,
    }
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{CodeSection, ExportKind, ExportSection, Function, FunctionSection, Module, TypeSection};
    use wasmparser::{Parser, Payload, Validator};

    use super::left_out;

    #[test]
    fn what_nobody_calls_is_no_export() {
        let (mut types, mut functions, mut exports) =
            (TypeSection::new(), FunctionSection::new(), ExportSection::new());
        types.ty().function([], []);
        let mut code = CodeSection::new();
        for name in ["main", "intounderlyingsource_pull_1", "__wbg_get"] {
            functions.function(0);
            exports.export(name, ExportKind::Func, exports.len());
            let mut body = Function::new([]);
            body.instructions().end();
            code.function(&body);
        }
        let mut module = Module::new();
        module.section(&types).section(&functions).section(&exports).section(&code);
        let kept = left_out(&module.finish()).expect("sound code");
        Validator::new().validate_all(&kept).expect("sound code");
        let mut names = Vec::new();
        for payload in Parser::new(0).parse_all(&kept) {
            if let Payload::ExportSection(exports) = payload.expect("sound code") {
                names.extend(exports.into_iter().map(|export| {
                    let export = export.expect("sound code");
                    (export.name.to_owned(), export.index)
                }));
            }
        }
        assert_eq!(names, [("main".to_owned(), 0), ("__wbg_get".to_owned(), 2)]);
    }
}
