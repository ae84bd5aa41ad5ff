import { createRequire } from "node:module";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buffer } from "node:stream/consumers";
import { createGzip } from "node:zlib";
import sharp from "sharp";
import { pack } from "tar-stream";
const fixtures = fileURLToPath(new URL("../../test/fixtures/digits/", import.meta.url));
const DIGIT_SIDE = 28;
const POSE_SIDE = 192;
async function readDigitsModel(name) {
  return readFile(join(fixtures, name));
}
async function readExpected() {
  return JSON.parse(await readFile(join(fixtures, "test", "expected.json"), "utf8"));
}
async function readDigit(index) {
  const file = join(fixtures, "test", `${String(index).padStart(2, "0")}.png`);
  const pixels = await sharp(file).greyscale().raw().toBuffer();
  const values = Float32Array.from(pixels, (pixel) => pixel / 255);
  return Buffer.from(values.buffer).toString("base64");
}
async function readPoseModel() {
  const archive = pack();
  for (const name of ["movenet-lightning.json", "movenet-lightning.bin"]) {
    const bytes = await readFile(join(humanPackage(), "models", name));
    archive.entry({ name: name.endsWith(".json") ? "model.json" : name }, bytes);
  }
  archive.finalize();
  return buffer(archive.pipe(createGzip()));
}
async function readFigure() {
  const pixels = await sharp(join(humanPackage(), "assets", "samples.jpg")).extract({ left: 0, top: 0, width: 157, height: 157 }).resize(POSE_SIDE, POSE_SIDE).removeAlpha().raw().toBuffer();
  return Buffer.from(Int32Array.from(pixels).buffer).toString("base64");
}
function humanPackage() {
  return dirname(dirname(createRequire(import.meta.url).resolve("@vladmandic/human")));
}
export {
  DIGIT_SIDE,
  POSE_SIDE,
  readDigit,
  readDigitsModel,
  readExpected,
  readFigure,
  readPoseModel
};
//# sourceMappingURL=material.js.map
