//! Builds the browser app into target/app: index.html and assets with hashed names, compressed.
//!
//! What `trunk build` would do with the same index.html, with nothing to install. Every byte that a browser loads
//! is an external file, so that the server's Content-Security-Policy can forbid all that is inline.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use wasm_bindgen_cli_support::Bindgen;

use crate::lean::{self, Names};
use crate::page::{Link, Part};
use crate::progress::{Progress, say};
use crate::root::{self, root};
use crate::split::{self, Split};
use crate::{asset, even, order, page, paths, shell, tools, unused};

/// How the app's code is compiled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// As it is shipped: small, and slow to build.
    Wasm,
    /// For a quick look while working on it: large, slow to run, neither optimised nor compressed.
    Dev,
}

/// `cargo xtask app`
pub fn command(profile: Profile) -> Result<()> {
    let mut progress = Progress::new(STEPS);
    build(profile, &mut progress)?;
    say(&format!("the app is in {}", root::app().display()));
    Ok(())
}

/// The steps of [`build`]: the target, the code, the bundle.
pub const STEPS: usize = 3;

pub fn build(profile: Profile, progress: &mut Progress) -> Result<()> {
    progress.step("Rust for WebAssembly", tools::ensure_wasm_target)?;
    let wasm = progress
        .step("compile the browser app", || compile(["--bin", "mailtally-app"], "mailtally-app.wasm", profile))?;
    progress.step("bundle the browser app", || bundle(&wasm, profile))
}

/// Compiles a binary or an example of the app's package, which cargo writes as `file`; gives where that is.
pub fn compile(what: [&str; 2], file: &str, profile: Profile) -> Result<PathBuf> {
    let (profile, folder, paths, cut) = match profile {
        Profile::Wasm => ("wasm", "wasm", paths::short()?, CUT),
        Profile::Dev => ("dev", "debug", Vec::new(), &[][..]),
    };
    let target = "wasm32-unknown-unknown";
    let package = ["rustc", "--package", "mailtally-app", "--target", target];
    // Debugging symbols of wasm are read by nobody here, and cost the bundler half a minute.
    let strip = ["--config", "profile.dev.strip=\"debuginfo\""];
    shell::run(shell::cargo(package).args(what).args(["--profile", profile]).args(strip).args(paths).args(cut))?;
    Ok(root::cargo_target().join(target).join(folder).join(file))
}

/// What makes code that can be cut: the functions at which it is, and what the linker knew of who needs what.
const CUT: &[&str] = &["--features", "apart", "--", "-C", "link-arg=--emit-relocs"];

fn bundle(wasm: &Path, profile: Profile) -> Result<()> {
    let html = read(&root().join("index.html"))?;
    let html = str::from_utf8(&html).context("index.html is not UTF-8")?;
    let parts = page::parse(html)?;
    let code = read(wasm)?;
    let fingerprint = fingerprint(html, &parts, &code)?;
    let stamp = asset::with_suffix(&root::app(), "stamp");
    if root::app().is_dir() && fs::read_to_string(&stamp).is_ok_and(|last| last == fingerprint) {
        say("nothing has changed since the last bundle");
        return Ok(());
    }
    // The stamp goes first and comes back last: a bundle that was interrupted is made again.
    let _ = fs::remove_file(&stamp);
    let _ = fs::remove_dir_all(root::app());
    let page = render(&parts, code, profile)?;
    asset::write(&root::app().join("index.html"), page.as_bytes())?;
    fs::write(&stamp, fingerprint).with_context(|| format!("cannot write {}", stamp.display()))
}

/// A hash of all that the bundle is made of, this program included.
fn fingerprint(html: &str, parts: &[Part], code: &[u8]) -> Result<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&read(&std::env::current_exe().context("cannot find this program")?)?);
    hasher.update(html.as_bytes()).update(code);
    for part in parts {
        if let Part::Built(Link::Sheet(path) | Link::SheetApart(path) | Link::Icon(path) | Link::Script(path)) = part {
            hasher.update(&read(&root().join(path))?);
        }
    }
    Ok(hasher.finalize().to_hex().to_string())
}

/// Writes the assets and gives the page that names them.
fn render(parts: &[Part], code: Vec<u8>, profile: Profile) -> Result<String> {
    let mut page = String::new();
    let mut code = Some(code);
    let mut sheets_done = false;
    for part in parts {
        match part {
            Part::Html(html) => page.push_str(html),
            Part::Built(Link::App) => {
                let code = code.take().context("index.html has two links with rel=\"rust\"")?;
                let sheet = sheets(parts, |link| come_apart(link, profile))?;
                page.push_str(&app(code, profile, &sheet)?);
            }
            // All sheets are one file, which stands where the first one stood.
            Part::Built(Link::SheetApart(_)) => {}
            Part::Built(Link::Sheet(_)) if sheets_done => {}
            Part::Built(Link::Sheet(_)) => {
                let first = sheets(parts, |link| !come_apart(link, profile))?;
                let name = write_asset("mailtally", "css", &first)?;
                page.push_str(&format!("<link rel=\"stylesheet\" href=\"/assets/{name}\">"));
                sheets_done = true;
            }
            Part::Built(Link::Icon(path)) => {
                page.push_str(&format!("<link rel=\"icon\" href=\"/assets/{}\">", copy(path, Ok)?));
            }
            Part::Built(Link::Script(path)) => {
                page.push_str(&format!("<script src=\"/assets/{}\"></script>", copy(path, bare)?));
            }
        }
    }
    ensure!(code.is_none(), "index.html has no link with rel=\"rust\"");
    Ok(page)
}

/// Whether a sheet comes with the parts of the code. Where there are none it stands with the others.
fn come_apart(link: &Link, profile: Profile) -> bool {
    profile == Profile::Wasm && matches!(link, Link::SheetApart(_))
}

/// Some of the sheets, in the order of the page.
fn sheets(parts: &[Part], is_wanted: impl Fn(&Link) -> bool) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    for part in parts {
        match part {
            Part::Built(link @ (Link::Sheet(path) | Link::SheetApart(path))) if is_wanted(link) => {
                let sheet = read(&root().join(path))?;
                let sheet = String::from_utf8(sheet).with_context(|| format!("{path} is not UTF-8"))?;
                all.extend(lean::sheet(&sheet).into_bytes());
            }
            _ => {}
        }
    }
    Ok(all)
}

/// The code, and its glue with a script behind it that starts both; gives the elements that load them at once. `sheet` is what
/// parts of the code look like.
fn app(linked: Vec<u8>, profile: Profile, sheet: &[u8]) -> Result<String> {
    let file =
        |part: &split::Part, code: &[u8]| write_asset(&format!("{}{}", asset::APART, part.of.join("-")), "wasm", code);
    let sheet = match profile {
        Profile::Wasm => write_asset(&format!("{}sheet", asset::APART), "css", sheet)?,
        Profile::Dev => String::new(),
    };
    let folder = root::app().join("assets");
    let Bundle { glue, code, parts } = bundled("mailtally", linked, profile, &folder, &sheet, file)?;
    let code = write_asset("mailtally", "wasm", &code)?;
    let script = write_asset("mailtally", "js", (glue + &starter(&code, &parts, &sheet)).as_bytes())?;
    // The script waits for nothing before it, and has work to do while the rest is on its way.
    Ok(format!(
        "<script type=\"module\" async fetchpriority=\"high\" src=\"/assets/{script}\"></script>\
         <link rel=\"preload\" href=\"/assets/{code}\" as=\"fetch\" type=\"application/wasm\" crossorigin>"
    ))
}

/// Code as a browser loads it.
pub struct Bundle {
    pub glue: String,
    pub code: Vec<u8>,
    parts: Vec<Loaded>,
}

/// A part that is loaded apart.
struct Loaded {
    /// The functions of src/apart.rs that need it.
    of: Vec<String>,
    file: String,
}

/// Makes it of linked code. `file` writes a part and gives its file's name, and `sheet` is the file of what parts look like;
/// pieces of script that dependencies bring go into `folder`.
pub fn bundled(
    name: &str,
    linked: Vec<u8>,
    profile: Profile,
    folder: &Path,
    sheet: &str,
    file: impl Fn(&split::Part, &[u8]) -> Result<String>,
) -> Result<Bundle> {
    let split = match profile {
        Profile::Wasm => split::split(&unused::left_out(&linked)?)?,
        Profile::Dev => Split::whole(linked),
    };
    let mut bindgen = Bindgen::new();
    bindgen.web(true)?.typescript(false).omit_default_module_path(true);
    // The parts use the table of functions.
    bindgen.remove_producers_section(true).remove_name_section(true).keep_lld_exports(true);
    let mut output = bindgen.input_bytes(name, split.main.clone()).generate_output().context("wasm-bindgen failed")?;
    snippets(&folder.join("snippets"), output.snippets(), output.local_modules())?;
    let mut names = Names::default();
    let module = output.wasm_mut();
    module.imports.iter_mut().for_each(|import| names.shorten(&mut import.name));
    module.exports.iter_mut().for_each(|export| names.shorten(&mut export.name));
    let mut files = BTreeMap::new();
    let mut parts = Vec::new();
    for part in &split.parts {
        let file = file(part, &finished(&part.code)?)?;
        files.insert(part.name.clone(), file.clone());
        parts.push(Loaded { of: part.of.clone(), file });
    }
    let glue = names.applied(&lean::glue(&split.joined(output.js(), &files, sheet)?));
    let glue = format!("{EAGER}{glue}");
    let code = finished(&output.wasm_mut().emit_wasm())?;
    Ok(Bundle { glue, code, parts })
}

/// Of a script that says so, Chromium compiles all functions on another thread, while the code is on its way, and not each when
/// it is first called: most of the glue's are, before a page is painted. To others it is a comment.
const EAGER: &str = "//# allFunctionsCalledOnLoad\n";

/// Code as it is shipped.
fn finished(code: &[u8]) -> Result<Vec<u8>> {
    order::by_likeness(&order::joined(even::written(code)?)?)
}

/// What starts the app, with the files that it asks for.
fn starter(code: &str, parts: &[Loaded], sheet: &str) -> String {
    let of = |function: &str| {
        let needed = parts.iter().filter(|part| part.of.iter().any(|of| of == function));
        let needed = needed.map(|part| part.file.as_str()).chain([sheet]);
        needed.map(|file| format!("\"{file}\"")).collect::<Vec<_>>().join(", ")
    };
    let named = include_str!("start.js").replace("CODE", code);
    lean::glue(&named.replace("OVERVIEW", &of("overview")).replace("REST", &of("rest")))
}

/// Pieces of script that dependencies bring; the glue imports them by these paths.
fn snippets<'a>(
    folder: &Path,
    inline: &BTreeMap<String, Vec<String>>,
    modules: impl IntoIterator<Item = (&'a String, &'a String)>,
) -> Result<()> {
    for (package, scripts) in inline {
        for (number, script) in scripts.iter().enumerate() {
            asset::write(&folder.join(package).join(format!("inline{number}.js")), script.as_bytes())?;
        }
    }
    for (path, script) in modules {
        asset::write(&folder.join(path), script.as_bytes())?;
    }
    Ok(())
}

/// A script without what only people read.
fn bare(script: Vec<u8>) -> Result<Vec<u8>> {
    let script = String::from_utf8(script).context("a script is not UTF-8")?;
    Ok(lean::glue(&script).into_bytes())
}

/// Copies a file of the repository among the assets, made into what is shipped; gives its new name.
fn copy(path: &str, made: fn(Vec<u8>) -> Result<Vec<u8>>) -> Result<String> {
    let source = root().join(path);
    let stem = source.file_stem().and_then(|stem| stem.to_str()).context("an asset has no name")?;
    let extension = source.extension().and_then(|extension| extension.to_str()).context("an asset has no extension")?;
    write_asset(stem, extension, &made(read(&source)?)?)
}

fn write_asset(stem: &str, extension: &str, content: &[u8]) -> Result<String> {
    let name = asset::hashed_name(stem, extension, content);
    asset::write(&root::app().join("assets").join(&name), content)?;
    Ok(name)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
