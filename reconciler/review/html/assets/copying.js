// Records found -> markdown for the clipboard, or a JSON file.

const MOST_MARKDOWN_ROWS = 500;

// A code span that no backtick in the text can close (CommonMark, "Code spans"); safe in a table.
// As `code` in escape/text.py.
function span(shown) {
  const text = shown.replace(/ {2,}/gu, (run) => ` ${"\\u0020".repeat(run.length - 1)}`);
  const longest = Math.max(0, ...(text.match(/`+/gu) || []).map((run) => run.length));
  const fence = "`".repeat(longest + 1);
  const pad = /^[` ]|[` ]$/u.test(text) ? " " : "";
  return `${fence}${pad}${text.replaceAll("|", "\\|")}${pad}${fence}`;
}

// A table of the records found, the first MOST_MARKDOWN_ROWS of them.
function asMarkdown() {
  const lines = ["| record | change | origin | where |", "|---|---|---|---|"];
  for (const row of found.slice(0, MOST_MARKDOWN_ROWS)) {
    const changes = row.variant.places.map(
      (place) =>
        `${SIGNS[place.op]} ${span(place.name)}: ${[place.before, place.after]
          .filter((one) => one !== null)
          .map((one) => span(clipped(one, firstDifference(place.before || "", place.after || ""))))
          .join(" → ")}`,
    );
    lines.push(
      `| ${[span(row.address), changes.join("; "), row.group.origin, span(`${row.file}:${row.line}`)].join(" | ")} |`,
    );
  }
  if (found.length > MOST_MARKDOWN_ROWS)
    lines.push("", `... and ${number(found.length - MOST_MARKDOWN_ROWS)} more`);
  return `${lines.join("\n")}\n`;
}

// Downloads all records found, each with its differences.
function download() {
  const rows = found.map((row) => ({
    address: row.address,
    file: row.file,
    line: row.line,
    group: row.group.name,
    action: row.group.action,
    origin: row.group.origin,
    places: row.variant.places.map(({ op, name, before, after }) => ({ op, name, before, after })),
  }));
  const to = element("a");
  to.href = URL.createObjectURL(
    new Blob([JSON.stringify(rows, null, 1)], { type: "application/json" }),
  );
  to.download = "plan-records.json";
  to.click();
  URL.revokeObjectURL(to.href);
}
