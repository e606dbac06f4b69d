//! The console's one stylesheet: dense and calm, light and dark, wide tables that become cards on a phone, strong focus.

use std::sync::LazyLock;

use crate::respond::html::source_hash;

/// The text between `<style>` and `</style>`.
pub(super) const SHEET: &str = "\
:root{color-scheme:light dark;--ink:#1b1f24;--paper:#fff;--back:#f4f6f8;--soft:#4d5762;--line:#d4dae1;--shade:#eef1f5;--link:#0a4f9c;--act:#0a4f9c;--on-act:#fff;\
--good:#0d5c33;--good-shade:#e3f4ea;--warn:#7a3d00;--warn-shade:#fff0dc;--bad:#9b1212;--bad-shade:#fde9e9;--quiet:#454f5a;--quiet-shade:#e6eaef;--bar:#3b78c3;--bar-2:#c77700}\
@media(prefers-color-scheme:dark){:root{--ink:#e8ebee;--paper:#1b1f24;--back:#121519;--soft:#b0b9c3;--line:#39414a;--shade:#252b32;--link:#8fc4ff;--act:#8fc4ff;--on-act:#0b1a2b;\
--good:#8fe0b2;--good-shade:#15301f;--warn:#ffc98a;--warn-shade:#3a290f;--bad:#ffb3b3;--bad-shade:#3f1919;--quiet:#c3cbd4;--quiet-shade:#2d343c;--bar:#6ba6ea;--bar-2:#f0a94a}}\
*{box-sizing:border-box}\
body{margin:0;background:var(--back);color:var(--ink);font:.9375rem/1.45 system-ui,sans-serif;overflow-wrap:anywhere}\
a{color:var(--link)}\
.skip{position:absolute;left:-100vw}\
.skip:focus{left:.5rem;top:.5rem;padding:.5rem .75rem;background:var(--paper);z-index:1}\
header{display:flex;flex-wrap:wrap;align-items:center;gap:.25rem 1.5rem;padding:.5rem 1.5rem;background:var(--paper);border-bottom:1px solid var(--line)}\
.brand{font-weight:700;font-size:1.05rem}\
.brand span{font-weight:400;color:var(--soft)}\
nav.places ul{display:flex;flex-wrap:wrap;gap:.125rem;margin:0;padding:0;list-style:none}\
nav.places a{display:block;padding:.4rem .65rem;border-radius:.35rem;color:var(--ink);text-decoration:none}\
nav.places a:hover{background:var(--shade)}\
nav.places a[aria-current]{background:var(--shade);font-weight:600;box-shadow:inset 0 -2px var(--act)}\
.who{display:flex;flex-wrap:wrap;align-items:center;gap:.25rem .75rem;margin-left:auto;color:var(--soft);font-size:.875rem}\
main{max-width:88rem;margin:0 auto;padding:1.25rem 1.5rem 3rem}\
main.narrow{max-width:40rem}\
main:focus{outline:0}\
h1{font-size:1.35rem;line-height:1.25;margin:0 0 1rem}\
h2{font-size:1rem;margin:0 0 .6rem}\
p{margin:0 0 .75rem}\
.soft{color:var(--soft)}\
.top{display:flex;flex-wrap:wrap;align-items:center;gap:.25rem 1rem;margin:0 0 1rem}.top h1{margin:0}\
.top .actions{margin-left:auto}\
.actions{display:flex;flex-wrap:wrap;gap:.5rem}\
.card{background:var(--paper);border:1px solid var(--line);border-radius:.5rem;padding:1rem 1.1rem;margin:0 0 1rem}\
.card>:last-child{margin-bottom:0}\
.tiles,.pair{display:grid;gap:1rem;margin:0 0 1rem;padding:0}\
.tiles{grid-template-columns:repeat(auto-fit,minmax(11rem,1fr))}\
.pair{grid-template-columns:repeat(auto-fit,minmax(min(30rem,100%),1fr))}\
.tiles .card,.pair>.card{margin:0}\
.tiles dt{color:var(--soft);font-size:.8125rem}\
.tiles dd{margin:.1rem 0 0;font-size:1.5rem;font-weight:650;line-height:1.2}\
.tiles dd.more{font-size:.8125rem;font-weight:400;color:var(--soft)}\
.badge{display:inline-block;padding:.05rem .5rem;border-radius:1rem;font-size:.8125rem;font-weight:600;white-space:nowrap}\
.good{background:var(--good-shade);color:var(--good)}\
.warn{background:var(--warn-shade);color:var(--warn)}\
.bad{background:var(--bad-shade);color:var(--bad)}\
.quiet{background:var(--quiet-shade);color:var(--quiet)}\
.note{padding:.75rem 1rem;border-left:.25rem solid;border-radius:.3rem;margin:0 0 1rem}\
.note p:last-child{margin:0}\
table{width:100%;border-collapse:collapse;font-variant-numeric:tabular-nums}\
caption{text-align:left;color:var(--soft);font-size:.8125rem;padding:0 0 .4rem}\
th,td{text-align:left;vertical-align:top;padding:.45rem .9rem .45rem 0;border-bottom:1px solid var(--line);overflow-wrap:normal}\
th,time,.tight{white-space:nowrap}td .soft{display:inline-block}td>.free{display:block;min-width:10rem}\
.names,.free,.mono,summary,dd{overflow-wrap:anywhere}\
th{font-size:.8125rem;font-weight:600;color:var(--soft)}\
tbody tr:hover{background:var(--shade)}\
tbody tr:last-child td{border-bottom:0}\
.mono{font-family:ui-monospace,monospace;font-size:.875rem}\
.names{margin:0;padding:0;list-style:none}\
.empty{padding:1.5rem 0;color:var(--soft);text-align:center}\
.facts{display:grid;grid-template-columns:minmax(9rem,14rem) 1fr;gap:.35rem 1rem;margin:0}\
.facts+.facts{margin-top:.35rem}\
.facts dt{color:var(--soft)}\
.facts dd{margin:0;min-width:0}\
form.filter{display:flex;flex-wrap:wrap;gap:.6rem .75rem;align-items:flex-end}\
form.filter .wide{flex:1 1 16rem}\
label{display:block;font-size:.8125rem;color:var(--soft);margin:0 0 .2rem;padding:0}\
.field{max-width:26rem;margin:0 0 1rem}\
input,select,button,.button{font:inherit;min-height:2.25rem;border-radius:.35rem;border:1px solid var(--soft);background:var(--paper);color:var(--ink);padding:.3rem .6rem}\
input[type=search],input[type=text],select{width:100%}\
button,.button{display:inline-block;font-weight:600;cursor:pointer;text-decoration:none;padding:.3rem .9rem}\
button.main,.button.main{background:var(--act);border-color:var(--act);color:var(--on-act)}\
button.danger,.button.danger{border-color:var(--bad);color:var(--bad)}\
button.small{min-height:1.75rem;padding:.1rem .6rem;font-size:.875rem}\
.pages{display:flex;gap:1rem;align-items:baseline;margin:.75rem 0 0;color:var(--soft)}\
figure{margin:0}\
figcaption{margin:0 0 .5rem}\
figcaption strong{display:block}\
svg{display:block;width:100%;height:8rem;background:var(--shade);border-radius:.3rem}\
.axis{display:flex;justify-content:space-between;margin:.25rem 0 .5rem;color:var(--soft);font-size:.8125rem}\
.key{display:inline-block;width:1.1em;height:.25em;vertical-align:middle;margin:0 .35em 0 0;background:var(--bar)}\
.key.second{background:var(--bar-2)}\
svg .bar{fill:var(--bar)}\
svg .line{fill:none;stroke:var(--bar);stroke-width:2;vector-effect:non-scaling-stroke}\
svg .line.second{stroke:var(--bar-2);stroke-dasharray:4 3}\
details{font-size:.875rem}\
summary{cursor:pointer;color:var(--link);min-height:1.5rem}\
.scroll{max-height:16rem;overflow:auto}\
a:focus-visible,button:focus-visible,input:focus-visible,select:focus-visible,summary:focus-visible,.scroll:focus-visible{outline:.18rem solid var(--link);outline-offset:.12rem}\
@media(max-width:52rem){header,main{padding-left:1rem;padding-right:1rem}.who{margin-left:0}.facts{grid-template-columns:1fr;gap:.1rem}.facts dd{margin:0 0 .5rem}\
table.cards,table.cards tbody,table.cards tr,table.cards td{display:block}table.cards thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}table.cards caption{display:block}\
table.cards tr{padding:.5rem 0;border-bottom:1px solid var(--line)}table.cards tr:last-child{border-bottom:0}table.cards td{border:0;padding:.15rem 0;overflow-wrap:anywhere}\
table.cards td[data-label]::before{content:attr(data-label);display:block;color:var(--soft);font-size:.8125rem}}\
@media(forced-colors:active){.badge,.note,.card,svg{border:1px solid}}\
@media print{header,form,.actions,.pages{display:none}}";

/// The source by which a page's policy lets this stylesheet, and no other, take effect.
pub(super) fn source() -> &'static str {
    static SOURCE: LazyLock<String> = LazyLock::new(|| source_hash(SHEET));
    &SOURCE
}
