/** The 40 held-out digits, and what Keras said about them. */
import sharp from 'sharp';
import { fixture } from './api.js';

export interface ExpectedDigits {
  readonly labels: readonly number[];
  readonly probabilities: readonly (readonly number[])[];
}

export async function readDigits(): Promise<{ expected: ExpectedDigits; images: readonly Buffer[] }> {
  const expected = JSON.parse((await fixture('digits/test/expected.json')).toString()) as ExpectedDigits;
  const images = await Promise.all(
    expected.labels.map(async (_label, i) =>
      sharp(await fixture(`digits/test/${String(i).padStart(2, '0')}.png`))
        .greyscale()
        .raw()
        .toBuffer(),
    ),
  );
  return { expected, images };
}

/** One input tensor of all images, as base64. */
export function digitTensor(images: readonly Buffer[]) {
  const values = Float32Array.from(Buffer.concat(images), (pixel) => pixel / 255);
  return { shape: [images.length, 28, 28, 1], data: Buffer.from(values.buffer).toString('base64') };
}
