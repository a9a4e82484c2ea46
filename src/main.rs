//! Mounts the app. Nothing else: what it is lies in the library, so that native tests reach it.

fn main() {
    #[cfg(target_arch = "wasm32")]
    console_error_panic_hook::set_once();
    // The still frame that the page came with.
    if let Some(boot) = leptos::prelude::document().get_element_by_id("boot") {
        mailtally_app::chart::expect(&boot);
        boot.remove();
    }
    leptos::mount::mount_to_body(mailtally_app::App);
}
