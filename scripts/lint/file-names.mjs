// A file is named after what it holds. These names say nothing, and collect everything.
import { basename } from 'node:path';

const FORBIDDEN = /^(.*-)?(utils?|helpers?|common|misc|managers?|stuff)$/;
const KEBAB_CASE = /^[a-z0-9]+(-[a-z0-9]+)*$/;

const fileNames = {
  meta: {
    type: 'suggestion',
    docs: { description: 'Files have telling names in kebab-case.' },
    messages: {
      forbidden: '"{{name}}" says nothing about what is in the file.',
      kebab: '"{{name}}" is not in kebab-case.',
    },
    schema: [],
  },
  create(context) {
    return {
      Program(node) {
        const name = basename(context.filename).split('.')[0];
        if (FORBIDDEN.test(name)) context.report({ node, messageId: 'forbidden', data: { name } });
        if (!KEBAB_CASE.test(name)) context.report({ node, messageId: 'kebab', data: { name } });
      },
    };
  },
};

export const souk = { meta: { name: 'souk' }, rules: { 'file-names': fileNames } };
