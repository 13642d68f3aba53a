// Makes admin/static/markdown-editor.js, and the file of the licences of what is in it. The first line of what is made
// tells what it was made from, so that a test without Node can tell whether it is up to date.
import { createHash } from "node:crypto";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { build } from "esbuild";

const here = new URL(".", import.meta.url);
const target = process.argv[2] ?? new URL("../static/markdown-editor.js", here).pathname;

const ours = {
  name: "ours",
  setup({ onResolve }) {
    onResolve({ filter: /^\.\/(core|media-picker)\.js$/ }, ({ path }) => ({ path, external: true }));
    onResolve({ filter: /^@codemirror\/lang-html$/ }, () => ({ path: new URL("src/no-html.js", here).pathname }));
  },
};

const sources = [...(await readdir(new URL("src/", here))).sort().map((name) => `src/${name}`), "build.mjs", "package-lock.json"];
const contents = await Promise.all(sources.map((path) => readFile(new URL(path, here))));
const digest = createHash("sha256").update(Buffer.concat(contents)).digest("hex");

const { metafile } = await build({
  absWorkingDir: here.pathname,
  entryPoints: ["src/main.js"],
  outfile: target,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  metafile: true,
  banner: { js: `// Made by \`make editor\` from admin/editor as of ${digest}; licences in markdown-editor.licences.txt.` },
  plugins: [ours],
});

const names = new Set(Object.keys(metafile.inputs).flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []));
const licences = await Promise.all([...names].sort().map(async (name) => {
  const { version, license } = JSON.parse(await readFile(new URL(`node_modules/${name}/package.json`, here), "utf8"));
  const text = await readFile(new URL(`node_modules/${name}/LICENSE`, here), "utf8");
  return `${name} ${version} (${license})\n\n${text.trim()}\n`;
}));
await writeFile(target.replace(/\.js$/, ".licences.txt"), `What markdown-editor.js contains of others.\n\n${licences.join(`\n${"-".repeat(72)}\n\n`)}`);
