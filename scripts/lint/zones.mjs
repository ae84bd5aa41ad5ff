// Who may import whom. Doors -> domain -> machines -> lib; inside the domain only to the left.
const DOORS = ['http', 'graphql', 'cli', 'demo', 'dashboard'];
const MACHINES = ['inference', 'importers', 'lowering', 'storage', 'database'];
/** From left to right: a room knows the rooms before it. */
const ROOMS = [
  'access',
  'audit',
  'tenants',
  'identity',
  'catalog',
  'versions',
  'aliases',
  'sharing',
  'marketplace',
  'metering',
  'billing',
  'predictions',
  'evaluations',
];
const ROOT_FILES = [
  'main.ts',
  'app.ts',
  'config.ts',
  'data-directory.ts',
  'domain-services.ts',
  'first-start.ts',
  'server-status.ts',
  'start-error.ts',
];

const src = (name) => `./src/${name}`;
const not = (names, name) => names.filter((other) => other !== name);

const lib = {
  target: src('lib'),
  from: './src',
  except: ['./lib'],
  message: 'lib is the ground: it imports nothing of ours.',
};

const machines = {
  target: MACHINES.map(src),
  from: [...DOORS, 'domain', ...ROOT_FILES].map(src),
  message: 'A machine knows neither the domain nor the doors.',
};

const domain = {
  target: src('domain'),
  from: [...DOORS, ...ROOT_FILES].map(src),
  message: 'The domain does not know the doors.',
};

const doors = {
  target: DOORS.map(src),
  from: ROOT_FILES.map(src),
  message: 'A door is handed what it needs by app.ts.',
};

const graphqlKnowsNoHttp = {
  target: src('graphql'),
  from: [src('http'), src('cli'), src('demo')],
  message: 'HTTP stands before GraphQL, not behind it.',
};

/** The demo, the dashboard and the command line are clients: they speak to the server as everybody does. */
const clients = ['demo', 'dashboard', 'cli'].map((client) => ({
  target: src(client),
  from: './src',
  except: [`./${client}`, './lib', ...(client === 'demo' ? ['./config.ts'] : [])],
  message: 'This is a client of the public API and imports nothing of the server.',
}));

const rooms = ROOMS.map((room, index) => ({
  target: src(`domain/${room}`),
  from: './src/domain',
  except: [`./${room}`, ...ROOMS.slice(0, index).map((left) => `./${left}/index.ts`)],
  message: `Rooms import only rooms to their left, through index.ts (${ROOMS.join(', ')}).`,
}));

/** Everybody outside of a room or machine enters through its index.ts. */
const frontDoors = [
  ...ROOMS.map((room) => ({ place: `domain/${room}`, outsiders: not([...DOORS, ...ROOT_FILES], room) })),
  ...MACHINES.map((machine) => ({
    place: machine,
    outsiders: [...DOORS, 'domain', ...not(MACHINES, machine), ...ROOT_FILES],
  })),
].map(({ place, outsiders }) => ({
  target: outsiders.map(src),
  from: src(place),
  except: ['./index.ts', ...(place === 'inference' ? ['./worker/runtimes/index.ts'] : [])],
  message: `Enter ${place} through its index.ts.`,
}));

const workerIsSealed = [
  {
    target: ['http', 'graphql', 'cli', 'domain', 'lowering', 'storage', 'database', ...ROOT_FILES].map(src),
    from: src('inference/worker'),
    message: 'What runs inside a worker is started, never imported.',
  },
  {
    // importers/child is a process of its own, and only there the trial runs models on the engines.
    target: './src/importers/!(trial).ts',
    from: src('inference/worker'),
    message: 'Only the import child may load the engines.',
  },
  {
    target: './src/inference/*.ts',
    from: src('inference/worker'),
    message: 'What runs inside a worker is started, never imported.',
  },
];

/** For `import-x/no-restricted-paths`. */
export const zones = [
  lib,
  machines,
  domain,
  doors,
  graphqlKnowsNoHttp,
  ...clients,
  ...rooms,
  ...frontDoors,
  ...workerIsSealed,
];

const STORES = ['src/domain/*/store.ts', 'src/domain/*/*-store.ts', 'src/domain/*/store-*.ts'];

/** A package, where it may be imported, and why only there. */
const PACKAGES = [
  {
    group: ['pg', 'pg/*', '@prisma/*', '**/database/generated/**'],
    allowed: ['src/database/**', ...STORES],
    message: 'Only stores and src/database speak to the database.',
  },
  {
    group: ['jsonwebtoken', '@node-rs/argon2'],
    allowed: ['src/domain/identity/**'],
    message: 'Only identity handles tokens and passwords.',
  },
  {
    group: ['@tensorflow/*'],
    allowed: ['src/inference/worker/runtimes/**'],
    message: 'Only the runtimes of a worker load TensorFlow.',
  },
  {
    group: ['fastify', 'fastify/*', '@fastify/*'],
    allowed: ['src/http/**'],
    message: 'Only the HTTP door knows Fastify.',
  },
  {
    group: ['@apollo/*', '@as-integrations/*'],
    allowed: ['src/graphql/**', 'src/http/graphql-route.ts'],
    message: 'Only the GraphQL door knows Apollo.',
  },
];

/**
 * `no-restricted-imports` takes one list per file, so each allowance is a block that repeats the list
 * without what is allowed there.
 */
export function packageWalls() {
  const rulesWithout = (allowedHere) => ({
    '@typescript-eslint/no-restricted-imports': [
      'error',
      {
        patterns: PACKAGES.filter((wall) => !allowedHere.includes(wall)).map(({ group, message }) => ({
          group,
          message,
        })),
      },
    ],
  });
  const onlyConfigReadsTheEnvironment = {
    'no-restricted-properties': [
      'error',
      { object: 'process', property: 'env', message: 'Only config.ts reads the environment.' },
    ],
  };
  return [
    { files: ['src/**/*.ts'], rules: { ...rulesWithout([]), ...onlyConfigReadsTheEnvironment } },
    ...PACKAGES.map((wall) => ({ files: wall.allowed, rules: rulesWithout([wall]) })),
    // Apollo's Fastify handler is where the two meet.
    {
      files: ['src/http/graphql-route.ts'],
      rules: rulesWithout(PACKAGES.filter(({ group }) => group[0] === 'fastify' || group[0] === '@apollo/*')),
    },
    // The demo is a program of its own, which passes its environment on to the server that it starts.
    // Native libraries read their settings from the environment and nowhere else: the pool writes them there.
    // So do libraries that choose how they run when they are loaded.
    {
      files: [
        'src/config.ts',
        'src/production-mode.ts',
        'src/demo/main.ts',
        'src/inference/engine-options.ts',
      ],
      rules: { 'no-restricted-properties': 'off' },
    },
  ];
}
