// How the pages' search orders what it finds. Sphinx copies this into _static/language_data.js.
// Its own score for a heading that contains the query can be below that of a page where some
// heading has one of the words.
const FOR_DEVELOPERS = [
  "architecture", "bench", "changes", "development", "promises", "releasing", "security",
];

var Scorer = {
  score: ([page, title, anchor, description, score, file, kind]) => {
    // "Page > Heading" is a heading within a page.
    if (kind === "title") return score + (title.includes(" > ") ? 20 : 28);
    if (kind !== "text") return score;
    if (FOR_DEVELOPERS.includes(page)) return score - 11;
    return page.startsWith("examples/") ? score - 1 : score;
  },

  // What follows is Sphinx's own.
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
