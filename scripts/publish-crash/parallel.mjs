// Many publishes of one model at once, and what a reader sees of it meanwhile.
import { ask, succeed, upload } from '../crash/api.mjs';
import { denseModel } from './models.mjs';

/** @returns {Promise<{broken: string[], looks: number, tookMs: number}>} */
export async function publishInParallel({ url, token, modelId, database }, count) {
  const broken = [];
  const uploads = [];
  for (let i = 0; i < count; i++) uploads.push(await upload(url, token, denseModel()));
  const startedAt = performance.now();
  let isOver = false;
  let looks = 0;
  const watching = (async () => {
    let most = 0;
    while (!isOver) {
      const { data } = await ask(
        url,
        token,
        `query ($id: ID!) { node(id: $id) { ... on Model { latestVersion { number } versions(first: 100) { nodes { number } } } } }`,
        { id: modelId },
      );
      const numbers = data.node.versions.nodes.map(({ number }) => number).reverse();
      if (numbers.some((number, i) => number !== i + 1)) broken.push(`at one moment there were ${numbers}`);
      if (numbers.length < most) broken.push(`${most} versions became ${numbers.length}`);
      most = numbers.length;
      looks += 1;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  const published = await Promise.all(
    uploads.map(async (uploadId) => {
      // A publish waits at most two minutes; the last of many may need more.
      const { publication } = await succeed(url, token, 'publishVersion', 'publication { id }', {
        modelId,
        uploadId,
        waitMs: 0,
      });
      for (;;) {
        const { data } = await ask(
          url,
          token,
          'query ($id: ID!) { publication(id: $id) { status refusal { message } version { number } } }',
          { id: publication.id },
        );
        if (data.publication.status === 'SUCCEEDED') return data.publication.version.number;
        if (data.publication.status === 'REFUSED') return data.publication.refusal.message;
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
    }),
  );
  isOver = true;
  await watching;
  const numbers = [...published].sort((a, b) => a - b);
  if (numbers.some((number, i) => number !== i + 1)) broken.push(`the numbers are ${numbers}`);
  const [row] = await database.rows(
    `SELECT count(*)::int AS versions, count(DISTINCT digest)::int AS artifacts, max(number) AS newest,
       (SELECT last_version_number FROM models WHERE id = $1) AS last
     FROM versions WHERE model_id = $1`,
    [modelId],
  );
  for (const name of ['versions', 'artifacts', 'newest', 'last']) {
    if (row[name] !== count) broken.push(`${name} is ${row[name]}, not ${count}`);
  }
  return { broken, looks, tookMs: Math.round(performance.now() - startedAt) };
}
