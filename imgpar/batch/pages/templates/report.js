"use strict";
{
  const tools = document.querySelector(".tools");
  const sections = [...document.querySelectorAll("section[data-kind]")];
  const lists = sections.map(section => section.querySelector(".rows"));
  const rows = lists.map(list => [...list.children]);
  const buttons = [...tools.querySelectorAll("button[value]")];
  const search = tools.querySelector("input");
  const order = tools.querySelector("select");
  const said = tools.querySelector("output");
  const names = new Map();
  for (const row of rows.flat()) names.set(row, row.querySelector(".what").textContent.toLowerCase());
  const collator = new Intl.Collator(undefined, {numeric: true});
  const number = (row, key) => Number(row.dataset[key] || 0);
  const compare = {
    input: (a, b) => number(a, "n") - number(b, "n"),
    name: (a, b) => collator.compare(names.get(a), names.get(b)),
    saved: (a, b) => (number(b, "before") - number(b, "after")) - (number(a, "before") - number(a, "after")),
    size: (a, b) => number(b, "before") - number(a, "before"),
    time: (a, b) => number(b, "time") - number(a, "time"),
  };

  function filter() {
    const kind = buttons.find(button => button.ariaPressed === "true").value;
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    sections.forEach((section, index) => {
      const shown = kind === "" || section.dataset.kind === kind;
      let some = 0;
      for (const row of rows[index]) {
        row.hidden = !shown || !words.every(word => names.get(row).includes(word));
        some += !row.hidden;
      }
      section.hidden = !some;
      count += some;
    });
    said.textContent = count + (count === 1 ? " file" : " files");
  }

  function sort() {
    lists.forEach((list, index) => list.append(...[...rows[index]].sort(compare[order.value])));
  }

  for (const button of buttons) {
    button.addEventListener("click", () => {
      for (const other of buttons) other.ariaPressed = String(other === button);
      filter();
    });
  }
  let timer = 0;
  search.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(filter, 120); });
  order.addEventListener("change", sort);
  tools.addEventListener("submit", event => event.preventDefault());
  tools.hidden = false;
  filter();
}
