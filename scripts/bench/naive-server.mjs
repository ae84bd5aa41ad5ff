// What somebody writes in an afternoon: Apollo Server on Express, one resolver, `model.predict` of tfjs-node in the
// main thread. No key, no entitlement, no quota, no metering, no queue. The measure of `tiny.vsNaive`.
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { ApolloServer } from '@apollo/server';
import { expressMiddleware } from '@as-integrations/express5';
import express from 'express';
import { GraphQLScalarType } from 'graphql';
import h5wasm from 'h5wasm/node';

const require = createRequire(import.meta.url);
const tf = require('@tensorflow/tfjs-node');

/** The layers model in a Keras file of dense layers: the file that Souk publishes, too. */
async function readDenseModel(path) {
  await h5wasm.ready;
  const file = new h5wasm.File(path, 'r');
  const config = JSON.parse(file.attrs['model_config'].value);
  const model = tf.sequential();
  for (const { class_name: className, config: layer } of config.config.layers) {
    if (className === 'InputLayer')
      model.add(tf.layers.inputLayer({ inputShape: layer.batch_shape.slice(1) }));
    else model.add(tf.layers.dense({ name: layer.name, units: layer.units, activation: layer.activation }));
  }
  for (const layer of model.layers) {
    if (layer.getWeights().length === 0) continue;
    const read = (name) => {
      const dataset = file.get(`model_weights/${layer.name}/${config.config.name}/${layer.name}/${name}`);
      return tf.tensor(dataset.value, dataset.shape, 'float32');
    };
    layer.setWeights([read('kernel'), read('bias')]);
  }
  file.close();
  return model;
}

const typeDefs = `
  scalar TensorData
  input TensorInput { data: TensorData! }
  input PredictInput { inputs: [TensorInput!]! }
  type Tensor { data: TensorData! }
  type Prediction { outputs: [Tensor!]! }
  type PredictPayload { prediction: Prediction! }
  type Query { ready: Boolean! }
  type Mutation { predict(input: PredictInput!): PredictPayload! }
`;

const model = await readDenseModel(
  fileURLToPath(new URL('../../test/fixtures/keras/dense.h5', import.meta.url)),
);
const server = new ApolloServer({
  typeDefs,
  resolvers: {
    TensorData: new GraphQLScalarType({ name: 'TensorData' }),
    Query: { ready: () => true },
    Mutation: {
      predict: (_parent, { input }) => {
        const data = tf.tidy(() => model.predict(tf.tensor(input.inputs[0].data)).arraySync());
        return { prediction: { outputs: [{ data }] } };
      },
    },
  },
});
await server.start();

const app = express();
app.use('/graphql', express.json({ limit: '16mb' }), expressMiddleware(server));
const listener = app.listen(0, '127.0.0.1', () => {
  process.send({ url: `http://127.0.0.1:${listener.address().port}` });
});
process.on('disconnect', () => process.exit(0));
