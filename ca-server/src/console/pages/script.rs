//! The console's one script: it asks for the page that is open again now and then and puts the new figures in place. Everything works without it.
//!
//! What it is answered is parsed as a document in which nothing runs, and only the part that is marked is taken. It stops while the person is at
//! work within that part, looks elsewhere, or says so (WCAG 2.2, 2.2.2), also if that is while the server answers. Its questions keep no session awake.

use std::sync::LazyLock;

use crate::respond::html::source_hash;

/// The text between `<script>` and `</script>`.
pub(super) const TEXT: &str = r#"
'use strict';
(() => {
  const find = (page) => page.querySelector('[data-live]');
  const place = document.getElementById('live');
  if (!find(document) || !place) return;
  const every = 10000;
  let paused = false;
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'small';
  const say = document.createElement('span');
  say.setAttribute('role', 'status');
  const show = (text) => {
    button.textContent = paused ? 'Resume updates' : 'Pause updates';
    if (say.textContent !== text) say.textContent = text;
  };
  button.addEventListener('click', () => { paused = !paused; show(paused ? 'Updates are paused.' : ''); });
  const look = async () => {
    const old = find(document);
    if (paused || document.hidden || old.contains(document.activeElement)) return;
    let answer;
    try {
      answer = await fetch(location.href, { headers: { 'rollcall-live': '1' }, redirect: 'error', cache: 'no-store' });
    } catch { if (!paused) show('The server does not answer.'); return; }
    if (paused) return;
    if (answer.status === 401) { paused = true; return show('You were signed out. Load the page again to sign in.'); }
    if (!answer.ok) return show('The server does not answer as it should.');
    const next = find(new DOMParser().parseFromString(await answer.text(), 'text/html'));
    if (paused || !next || old.contains(document.activeElement)) return;
    show('');
    if (next.innerHTML === old.innerHTML) return;
    for (const open of old.querySelectorAll('details[open][id]')) {
      next.querySelector('#' + CSS.escape(open.id))?.setAttribute('open', '');
    }
    old.replaceWith(document.adoptNode(next));
  };
  place.append(say, ' ', button);
  show('');
  setInterval(look, every);
})();
"#;

/// The source by which a page's policy lets this script, and no other, run.
pub(super) fn source() -> &'static str {
    static SOURCE: LazyLock<String> = LazyLock::new(|| source_hash(TEXT));
    &SOURCE
}
