// How a function and what it imports become one module: the contract is the host's, everything else is inside.

import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));

export default {
  external: /^trm:platform\//,
  resolve: {
    alias: { trm: here },
    modules: ["node_modules", resolve(process.env.TRM_TOOLS, "node_modules")],
  },
};
