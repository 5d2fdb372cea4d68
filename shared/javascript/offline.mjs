// Lets Node.js import a function for its tests: the SDK and its packages are found, and the contract is there and empty.

import { register } from "node:module";
import { pathToFileURL } from "node:url";

const hooks = `
let here, tools;
export const initialize = (found) => ({ here, tools } = found);
export function resolve(name, context, next) {
  if (/^(trm|wasi):/.test(name)) return { url: "data:text/javascript,", shortCircuit: true };
  if (name.startsWith("trm/")) return next(new URL(name.slice(4) + ".js", here).href, context);
  if (/^[./]|^[a-z]+:/.test(name)) return next(name, context);
  return next(name, context).catch(() => next(name, { ...context, parentURL: tools }));
}`;
const tools = pathToFileURL(process.env.TRM_TOOLS + "/").href;
register(`data:text/javascript,${encodeURIComponent(hooks)}`, { data: { here: new URL(".", import.meta.url).href, tools } });
