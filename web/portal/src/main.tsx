import { render } from "preact";
import { App } from "./App.tsx";
import { takeArrival } from "./arrival.ts";
import { readPortal, type Portal } from "./portal.ts";
import { paint } from "./theme.ts";
import "./style/page.css";

/** The face of an address that leads to no portal. */
const NO_DESIGN: Portal["design"] = {
  title: "Portico",
  logo: null,
  background: null,
  backgroundImage: null,
  accent: "#2f5d62",
  layout: "centered",
};

const told = readPortal();
const design = "error" in told ? NO_DESIGN : told.design;
paint(design);
render(<App told={told} design={design} arrival={takeArrival()} />, document.getElementById("page")!);
