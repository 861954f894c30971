"use strict";
/* Rules: searched, chosen by result, sorted; before printing all that is closed is opened. */
{
  const table = document.getElementById("rule-table");
  const choose = document.getElementById("choose");

  function ruleTools() {
    const rows = [...table.tBodies]; // a rule each: its row, and what opens below
    const texts = new Map(rows.map((row) => [row, row.textContent.toLocaleLowerCase()]));
    const search = document.getElementById("search"), show = document.getElementById("show");
    const found = document.getElementById("found");

    function look() {
      const words = search.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
      let count = 0;
      for (const row of rows) {
        const fits = (!show.value || row.dataset.result === show.value)
          && words.every((word) => texts.get(row).includes(word));
        row.hidden = !fits;
        if (fits) count++;
      }
      found.textContent = found.dataset.text.replace("{n}", count).replace("{of}", rows.length);
    }

    const text = (row, key) => row.querySelector(".title").textContent + row.querySelector("code").textContent;
    const place = { result: 0, limit: 2, measured: 3, n: 5 };

    /** Orders by number, or by name; what was not measured stands last either way. */
    function compare(key, sign) {
      if (key === "rule") return (a, b) => sign * text(a).localeCompare(text(b), document.documentElement.lang);
      const value = (row) => row.rows[0].cells[place[key]].dataset.value;
      return (a, b) => {
        const [one, other] = [value(a), value(b)];
        if (one === "" || other === "") return (one === "") - (other === "");
        return sign * (Number(one) - Number(other));
      };
    }

    /** Up, then down, then as the policy has it. */
    function sort(head) {
      const before = head.getAttribute("aria-sort");
      for (const one of table.tHead.rows[0].cells) {
        if (one.dataset.key) one.setAttribute("aria-sort", "none");
      }
      const next = { none: "ascending", ascending: "descending", descending: "none" }[before];
      head.setAttribute("aria-sort", next);
      const sign = next === "ascending" ? 1 : -1;
      table.append(...(next === "none" ? rows : [...rows].sort(compare(head.dataset.key, sign))));
    }

    for (const head of table.tHead.rows[0].cells) {
      if (!head.dataset.key) continue;
      const button = document.createElement("button");
      button.type = "button";
      button.title = table.dataset.sortText.replace("{column}", head.textContent);
      button.append(...head.childNodes);
      button.addEventListener("click", () => sort(head));
      head.append(button);
      head.setAttribute("aria-sort", "none");
    }
    search.addEventListener("input", look);
    show.addEventListener("change", look);
    choose.hidden = false;
    look();
  }

  if (table && choose) ruleTools();

  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    for (const one of opened) one.open = true;
  });
  addEventListener("afterprint", () => {
    for (const one of opened) one.open = false;
  });
}
