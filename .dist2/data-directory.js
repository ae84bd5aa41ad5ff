import { randomBytes } from "node:crypto";
import { link, mkdir, open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { StartError } from "./start-error.js";
const SECRET_FILE = "jwt.secret";
const BOOTSTRAP_FILE = "bootstrap.json";
async function prepareDataDirectory(directory) {
  try {
    await mkdir(directory, { recursive: true, mode: 448 });
    const probe = join(directory, `.write-${process.pid}`);
    await writeFile(probe, "");
    await rm(probe);
  } catch (error) {
    const { code } = error;
    throw new StartError(
      `The data directory ${directory} cannot be written (${code}); set DATA_DIR to a folder that this account owns.`
    );
  }
}
async function readOrMakeSecret(directory) {
  const file = join(directory, SECRET_FILE);
  const present = await readFile(file, "utf8").catch(() => null);
  if (present !== null) return present.trim();
  const draft = draftOf(file);
  await writeDurably(draft, `${randomBytes(48).toString("base64url")}
`);
  await link(draft, file).catch((error) => {
    if (error.code !== "EEXIST") throw error;
  });
  await rm(draft);
  return (await readFile(file, "utf8")).trim();
}
function bootstrapPath(directory) {
  return join(directory, BOOTSTRAP_FILE);
}
async function writeBootstrapFile(directory, content) {
  const file = bootstrapPath(directory);
  const draft = draftOf(file);
  await writeDurably(draft, `${JSON.stringify(content, null, 2)}
`);
  await rename(draft, file);
}
function draftOf(file) {
  return `${file}.${randomBytes(6).toString("hex")}`;
}
async function writeDurably(file, text) {
  const handle = await open(file, "wx", 384);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
export {
  bootstrapPath,
  prepareDataDirectory,
  readOrMakeSecret,
  writeBootstrapFile
};
//# sourceMappingURL=data-directory.js.map
