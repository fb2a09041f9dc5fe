// ReDoc on our own description, in the tokens' colours; drawn anew when the reader's system turns dark or light.
"use strict";

const reference = document.getElementById("reference");
const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");

draw();
prefersDark.addEventListener("change", draw);

function draw() {
  const place = document.createElement("div");
  reference.replaceChildren(place);
  window.Redoc.init(
    reference.dataset.spec,
    {
      hideLoading: true,
      nativeScrollbars: true,
      scrollYOffset: ".bar",
      theme: theme(getComputedStyle(document.documentElement)),
    },
    place,
  );
}

function theme(style) {
  const token = (name) => style.getPropertyValue(name).trim();
  const dark = prefersDark.matches;
  const panel = dark ? token("--card") : token("--ink");
  return {
    colors: {
      primary: { main: token("--accent") },
      success: { main: token("--accent") },
      error: { main: token("--danger") },
      text: { primary: token("--ink"), secondary: token("--quiet") },
      border: { dark: token("--line"), light: token("--card") },
      gray: { 50: token("--paper"), 100: token("--card") },
      responses: {
        success: { color: token("--accent"), backgroundColor: token("--card"), tabTextColor: "#4CC79F" },
        error: { color: token("--danger"), backgroundColor: token("--card"), tabTextColor: "#FF8A80" },
        info: { color: token("--quiet"), backgroundColor: token("--card"), tabTextColor: "#A3A6AB" },
      },
    },
    schema: {
      linesColor: token("--line"),
      nestedBackground: token("--card"),
      typeNameColor: token("--quiet"),
      requireLabelColor: token("--danger"),
    },
    typography: {
      fontSize: "15px",
      fontFamily: token("--font"),
      headings: { fontFamily: token("--font"), fontWeight: "600" },
      code: {
        fontFamily: token("--font-code"),
        color: token("--ink"),
        backgroundColor: dark ? "#2E3136" : "#F1EFE9",
      },
    },
    sidebar: {
      backgroundColor: token("--paper"),
      textColor: token("--ink"),
      activeTextColor: token("--accent"),
      groupItems: { textTransform: "none", activeBackgroundColor: token("--card"), activeTextColor: token("--accent") },
      level1Items: { activeBackgroundColor: token("--card"), activeTextColor: token("--accent") },
    },
    rightPanel: {
      backgroundColor: panel,
      textColor: "#ECECEA",
      servers: {
        overlay: { backgroundColor: token("--card"), textColor: token("--ink") },
        url: { backgroundColor: token("--paper") },
      },
    },
    codeBlock: { backgroundColor: dark ? "#0C0D0E" : "#131416" },
    fab: { backgroundColor: token("--card"), color: token("--accent") },
  };
}
