//! Angles of the ring: points on a circle and the turn of a point, from the top clockwise.
//!
//! In the browser by its own `Math`: Rust's own would bring tables for angles beyond any circle, and the browser would load
//! them.

use std::f64::consts::TAU;

/// The sine and cosine of a whole turn's part.
pub fn sin_cos(turn: f64) -> (f64, f64) {
    sin_cos_of(turn * TAU)
}

/// The part of a whole turn, from the top clockwise, at which a point lies.
pub fn of(x: f64, y: f64) -> f64 {
    let turn = atan2(x, -y) / TAU;
    if turn < 0.0 { turn + 1.0 } else { turn }
}

#[cfg(target_arch = "wasm32")]
fn sin_cos_of(angle: f64) -> (f64, f64) {
    (js_sys::Math::sin(angle), js_sys::Math::cos(angle))
}

#[cfg(not(target_arch = "wasm32"))]
fn sin_cos_of(angle: f64) -> (f64, f64) {
    angle.sin_cos()
}

#[cfg(target_arch = "wasm32")]
fn atan2(y: f64, x: f64) -> f64 {
    js_sys::Math::atan2(y, x)
}

#[cfg(not(target_arch = "wasm32"))]
fn atan2(y: f64, x: f64) -> f64 {
    y.atan2(x)
}
