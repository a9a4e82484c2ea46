//! What the tests from outside share: the product as a process, and a real browser that looks at it.
//!
//! It knows what a person, a script and an administrator can see, and nothing of the product's insides.

pub mod account;
pub mod chrome;
pub mod firefox;
pub mod mail;
pub mod outside;
pub mod page;
pub mod product;
pub mod scanners;
pub mod talk;

pub use page::Page;
pub use product::Server;
