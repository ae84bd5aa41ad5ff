// Loads tfjs-node and multiplies two matrices. Runs in a child process: a binding that was built for
// another library ends its process instead of throwing.
const tf = require('@tensorflow/tfjs-node');

const product = tf.matMul(
  tf.tensor2d([
    [1, 2],
    [3, 4],
  ]),
  tf.tensor2d([
    [5, 6],
    [7, 8],
  ]),
);
const values = Array.from(product.dataSync());
if (tf.getBackend() !== 'tensorflow' || values.join() !== '19,22,43,50') {
  throw new Error(`Backend ${tf.getBackend()} computed ${values.join()} instead of 19,22,43,50.`);
}
