/* The map of layers and experts, read cell by cell with a pointer or the arrow keys. */
{
  const SVG = "http://www.w3.org/2000/svg";
  const { maps } = JSON.parse(document.getElementById("data").textContent);

  const wide = ([, , runs]) => runs.reduce((sum, [, length]) => sum + length, 0);

  function at([, , runs], column) {
    let left = column;
    for (const [value, length] of runs) {
      if (left < length) return value / 100;
      left -= length;
    }
    return null;
  }

  function box(name) {
    const made = document.createElementNS(SVG, "rect");
    made.setAttribute("class", name);
    made.setAttribute("visibility", "hidden");
    return made;
  }

  function explore(figure, map) {
    const drawing = figure.querySelector("svg"), columns = Math.max(...map.layers.map(wide));
    const [startX, startY] = map.corner, [width, height] = map.cell;
    const reader = document.createElement("p"), said = document.createElement("output");
    const help = document.createElement("span");
    help.className = "note";
    help.textContent = map.help;
    reader.className = "reader";
    reader.append(said, help);
    figure.querySelector(".scroll").before(reader);
    const frames = [box("halo"), box("cursor")];
    drawing.append(...frames);
    let here = [0, 0];

    function go(row, column) {
      const y = Math.min(Math.max(row, 0), map.layers.length - 1), layer = map.layers[y];
      const x = Math.min(Math.max(column, 0), wide(layer) - 1);
      here = [y, x];
      for (const frame of frames) {
        frame.setAttribute("visibility", "visible");
        frame.setAttribute("x", startX + x * width - 1);
        frame.setAttribute("y", startY + y * height - 1);
        frame.setAttribute("width", Math.max(width, 3) + 1);
        frame.setAttribute("height", Math.max(height, 3) + 1);
      }
      said.textContent = map.said.replace("{layer}", layer[0]).replace("{count}", layer[1])
        .replace("{place}", map.named ? x : x + 1).replace("{value}", at(layer, x).toFixed(2));
    }

    drawing.addEventListener("pointermove", (event) => {
      const point = new DOMPoint(event.clientX, event.clientY)
        .matrixTransform(drawing.getScreenCTM().inverse());
      const row = Math.floor((point.y - startY) / height), column = Math.floor((point.x - startX) / width);
      if (row >= 0 && row < map.layers.length && column >= 0 && column < columns) go(row, column);
    });
    const scroll = figure.querySelector(".scroll");
    scroll.addEventListener("focus", () => go(...here));
    scroll.addEventListener("keydown", (event) => {
      const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (!step) return;
      event.preventDefault();
      go(here[0] + step[0], here[1] + step[1]);
    });
  }

  document.querySelectorAll("figure.map").forEach((figure, i) => explore(figure, maps[i]));
}
