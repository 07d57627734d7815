// dynamo-bao in a project with an old date, without flags and without credentials: as its own guide for Workers has it.
import test from 'node:test';
import assert from 'node:assert/strict';
import { dev, project, run } from './lib/selvage.mjs';

const files = (config) => ({
  'wrangler.toml': `name = "my-worker"\nmain = "worker.js"\ncompatibility_date = "2024-01-01"\n${config}\n[vars]\nAWS_REGION = "us-west-2"\nTABLE_NAME = "my-table"\n`,
  'models/user.js': `
const { BaoModel, PrimaryKeyConfig, fields } = require("dynamo-bao");
const { StringField, UlidField, CreateDateField } = fields;
class User extends BaoModel {
  static modelPrefix = "u";
  static fields = { userId: UlidField({ autoAssign: true }), name: StringField({ required: true }), createdAt: CreateDateField() };
  static primaryKey = PrimaryKeyConfig("userId");
}
module.exports = { User };`,
  'worker.js': `
import { initModels, runWithBatchContext } from "dynamo-bao";
import { User } from "./models/user.js";
let models;
export default {
  async fetch(request, env) {
    models ??= initModels({ models: { User }, aws: { region: env.AWS_REGION }, db: { tableName: env.TABLE_NAME } });
    return runWithBatchContext(async () => {
      const { User } = models.models;
      if (request.method === "POST") return Response.json({ id: (await User.create(await request.json())).userId });
      return Response.json({ name: (await User.find(new URL(request.url).pathname.slice(1))).name });
    });
  },
};`,
});

for (const [what, config] of [['without a flag', ''], ['with the flag', 'compatibility_flags = ["nodejs_compat"]']])
  test(`an old date, ${what}`, async () => {
    const dir = project(files(config));
    const s = await dev(dir);
    try {
      await s.saw(/dynamo-bao needs Node's modules as dates from 2024-09-23 on have them/);
      assert.equal((await run(['bao', 'create-table', 'my-table'], { cwd: dir })).code, 0);
      const { id } = await (await s.fetch('/', { method: 'POST', body: JSON.stringify({ name: 'Ada' }) })).json();
      assert.match(id, /^[0-9A-Z]{26}$/);
      assert.deepEqual(await (await s.fetch('/' + id)).json(), { name: 'Ada' });
    } finally {
      await s.stop();
    }
  });
