//! The one stylesheet: readable on a phone, light and dark, strong focus, large targets.

use std::sync::LazyLock;

use crate::respond::html::source_hash;

/// The text between `<style>` and `</style>`.
pub(super) const SHEET: &str = "\
:root{color-scheme:light dark;--ink:#1a1c1f;--paper:#fff;--soft:#4a5058;--line:#c3c9d0;--shade:#f2f4f7;--link:#0b4f9e;--act:#0b4f9e;--on-act:#fff;--warn:#8a3b00;--warn-shade:#fff4e5;--bad:#a11212;--bad-shade:#fdeeee}\
@media(prefers-color-scheme:dark){:root{--ink:#eceef0;--paper:#16181b;--soft:#b3bac2;--line:#4b525a;--shade:#22262b;--link:#8cc2ff;--act:#8cc2ff;--on-act:#0b1a2b;--warn:#ffc98a;--warn-shade:#33240f;--bad:#ffb0b0;--bad-shade:#3a1717}}\
*{box-sizing:border-box}\
body{margin:0;background:var(--paper);color:var(--ink);font:1.0625rem/1.55 system-ui,sans-serif;overflow-wrap:anywhere}\
main{max-width:36rem;margin:0 auto;padding:2rem 1.25rem 3rem}\
main:focus{outline:0}\
h1{font-size:1.6rem;line-height:1.25;margin:0 0 1rem}\
h2{font-size:1.1rem;margin:2rem 0 .5rem}\
p{margin:0 0 1rem}\
a{color:var(--link)}\
dl{margin:1.25rem 0;padding:.25rem 1rem;background:var(--shade);border:1px solid var(--line);border-radius:.5rem}\
dl div{padding:.6rem 0;border-bottom:1px solid var(--line)}\
dl div:last-child{border-bottom:0}\
dt{color:var(--soft);font-size:.9rem}\
dd{margin:0;font-weight:600}\
dd.words{font-family:ui-monospace,monospace}\
.warn,.bad{padding:.9rem 1rem;border-left:.3rem solid;border-radius:.25rem;margin:1.25rem 0}\
.warn{background:var(--warn-shade);border-color:var(--warn)}\
.bad{background:var(--bad-shade);border-color:var(--bad)}\
.warn p:last-child,.bad p:last-child{margin:0}\
label{display:block;font-weight:600;margin:0 0 .35rem}\
.hint{color:var(--soft);font-size:.95rem;margin:0 0 .5rem}\
input{width:100%;max-width:16rem;min-height:3rem;padding:.5rem .75rem;font:1.4rem ui-monospace,monospace;letter-spacing:.12em;text-transform:uppercase;color:var(--ink);background:var(--paper);border:2px solid var(--soft);border-radius:.4rem}\
button{display:inline-block;min-height:3rem;padding:.6rem 1.25rem;margin:1rem 0 0;font:inherit;font-weight:600;color:var(--on-act);background:var(--act);border:2px solid var(--act);border-radius:.4rem;cursor:pointer}\
button.quiet{color:var(--ink);background:transparent;border-color:var(--soft)}\
a:focus-visible,button:focus-visible,input:focus-visible{outline:.2rem solid var(--link);outline-offset:.15rem}\
@media(forced-colors:active){.warn,.bad,dl,button{border:1px solid}}";

/// The hash by which the page's policy lets this stylesheet, and no other, take effect.
pub(super) fn hash() -> &'static str {
    static HASH: LazyLock<String> = LazyLock::new(|| source_hash(SHEET));
    &HASH
}
