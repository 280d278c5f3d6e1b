// Check that the search of the built pages finds the right page first: node docs/_ext/search.js FOLDER.
// It runs the pages' own index and code, without a browser.
const fs = require("fs");
const path = require("path");
const vm = require("vm");

const WANTED = {
  "own data": "own-data",
  "your own data": "own-data",
  csv: "own-data",
  "missing values": "own-data",
  "save a model": "own-data#save-a-model",
  "load a model": "own-data#load-a-model",
  "study initializers": "study-initializers",
  "scikit-learn": "scikit-learn",
  deploy: "deploy",
  checkpoint: "long-training#checkpoints",
  "early stopping": "techniques#early-stopping",
  to_onnx: "reference/fastnet#fastnet.Network.to_onnx",
  mlpclassifier: "reference/fastnet.estimators#fastnet.estimators.MLPClassifier",
};

const page = vm.createContext({
  _: (text) => text,
  _ready: () => {}, // searchtools.js waits for the page with it
  SPHINX_HIGHLIGHT_ENABLED: false,
  document: { getElementById: () => null },
});
page.window = page;
for (const file of ["_static/language_data.js", "_static/searchtools.js", "searchindex.js"])
  vm.runInContext(fs.readFileSync(path.join(process.argv[2], file), "utf8"), page);
// The best one is the last: the page takes results from the end.
const first = vm.runInContext(
  "(query) => Search._performSearch(...Search._parseQuery(query)).at(-1)", page);

let wrong = 0;
for (const [query, wanted] of Object.entries(WANTED)) {
  const [found, , anchor] = first(query) ?? ["nothing", "", ""];
  if (found + (wanted.includes("#") ? anchor : "") === wanted) continue;
  wrong += 1;
  console.error(`searching for "${query}" finds ${found}${anchor} first, not ${wanted}`);
}
process.exit(wrong ? 1 : 0);
