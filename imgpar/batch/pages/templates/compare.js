"use strict";
document.documentElement.classList.add("js");
for (const section of document.querySelectorAll("section.picture")) {
  const figures = [...section.querySelectorAll("figure")];
  const stage = section.querySelector(".stage");
  if (!stage || figures.length < 2) continue;
  const frame = stage.querySelector(".frame");
  const range = frame.querySelector("input");
  const pictures = ["left", "right"].map(side => frame.querySelector("." + side));
  const selects = [...stage.querySelectorAll("select")];
  const buttons = [...section.querySelectorAll(".show")];

  function show() {
    selects.forEach((select, side) => {
      const figure = figures[select.selectedIndex];
      const source = figure.querySelector("img");
      const picture = pictures[side];
      if (picture.src !== source.src) picture.src = source.src;
      picture.width = source.width;
      picture.height = source.height;
      picture.alt = figure.querySelector("figcaption").textContent;
    });
    for (const button of buttons) button.ariaPressed = String(button.value === selects[1].value);
  }

  selects.forEach((select, side) => {
    for (const figure of figures) select.add(new Option(figure.dataset.label, figure.dataset.number));
    select.selectedIndex = side;
    select.addEventListener("change", show);
  });
  for (const button of buttons) {
    button.addEventListener("click", () => { selects[1].value = button.value; show(); });
  }
  range.addEventListener("input", () => frame.style.setProperty("--at", range.value + "%"));
  section.querySelector("details").open = false;
  stage.hidden = false;
  show();
}
