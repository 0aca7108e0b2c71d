// Filters the list of all checks; without scripts everything is there, only not filtered.
document.documentElement.classList.add('js');
const rows = [...document.querySelectorAll('tr[data-outcome]')];
const heads = [...document.querySelectorAll('tr.topic')];
const buttons = [...document.querySelectorAll('.filters button')];
const search = document.querySelector('.filters input');
function filter() {
  const on = buttons.filter(b => b.getAttribute('aria-pressed') === 'true').map(b => b.dataset.outcome);
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const row of rows) {
    const text = row.textContent.toLowerCase();
    row.hidden = (on.length && !on.includes(row.dataset.outcome)) || !words.every(w => text.includes(w));
  }
  for (const head of heads) {
    let next = head.nextElementSibling, any = false;
    while (next && !next.classList.contains('topic')) { any ||= !next.hidden; next = next.nextElementSibling; }
    head.hidden = !any;
  }
}
for (const button of buttons) button.addEventListener('click', () => {
  button.setAttribute('aria-pressed', button.getAttribute('aria-pressed') !== 'true');
  filter();
});
search?.addEventListener('input', filter);
function open(hash) {
  const all = document.getElementById('all');
  if (hash === '#all' && all) all.open = true;
}
addEventListener('hashchange', () => open(location.hash));
open(location.hash);
addEventListener('beforeprint', () => document.querySelectorAll('details').forEach(d => d.open = true));
