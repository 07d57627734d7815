// The way to the table: the project's own store over the channel, or a DynamoDB endpoint by signed requests. Commands are named as
// those of the AWS SDK's document client.

import { isPlain, isPlainItem, marshall, marshallItem, revive, unmarshall, unmarshallInto, unmarshallItem } from "bao/marshal";
import { setting } from "bao/config";
import { op } from "io";

const CALL = 144;
const TASK = 145;
const ELSEWHERE = 0; // the status of a call where the project wants its requests to reach AWS

// What the table makes of a model's plan and plain values (src/dynamo/model.h).
const TASK_CALL = 0;
export const TASK_FIND = 1;
export const TASK_BATCH = 2;
export const TASK_QUERY = 3;
export const TASK_SAVE = 4;
// What a task comes to that the table does not make: it is made here.
export const NOT_MINE = { __proto__: null };
const STATUS_NOT_MINE = 1;
const STATUS_TAKEN = 2;
const STATUS_MARKED = 201;

class Command {
  constructor(input) {
    this.input = input;
  }
}
class GetCommand extends Command {}
class QueryCommand extends Command {}
class UpdateCommand extends Command {}
class DeleteCommand extends Command {}
class BatchGetCommand extends Command {}
class TransactWriteCommand extends Command {}
class CreateTableCommand extends Command {}
class ListTablesCommand extends Command {}
class DescribeTableCommand extends Command {}
class UpdateTimeToLiveCommand extends Command {}
class DescribeTimeToLiveCommand extends Command {}
class UpdateTableCommand extends Command {}

const operations = {
  __proto__: null,
  GetCommand: "GetItem",
  QueryCommand: "Query",
  UpdateCommand: "UpdateItem",
  DeleteCommand: "DeleteItem",
  BatchGetCommand: "BatchGetItem",
  TransactWriteCommand: "TransactWriteItems",
};

function nameOf(command) {
  return command.constructor.name;
}

function operationOf(command) {
  const name = nameOf(command);
  return operations[name] ?? name.replace("Command", "");
}

// ---- errors ----

function failure(status, text) {
  let body;
  try {
    body = JSON.parse(text);
  } catch {
    body = {};
  }
  const type = body.__type || "DynamoDBError";
  const name = type.slice(type.indexOf("#") + 1);
  const error = new Error(body.message || body.Message || type);
  error.name = name;
  error.statusCode = status;
  error.$metadata = { httpStatusCode: status };
  if (body.CancellationReasons) error.CancellationReasons = body.CancellationReasons;
  return error;
}

// ---- transports ----

// One operation: a promise of the answer's JSON as a tree.
function answer(status, text) {
  if (status < 200 || status >= 300) throw failure(status, text);
  return JSON.parse(text);
}

function same(result) {
  return result;
}

const NO_CREDENTIALS =
  "AWS credentials not found. Please set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY environment variables, configure ~/.aws/credentials, or " +
  "provide credentials in config.";

class DynamoDBClient {
  constructor(config = {}) {
    this.region = config.region || setting("AWS_REGION") || setting("AWS_DEFAULT_REGION") || "us-east-1";
    this.endpoint = config.endpoint || null;
    this.credentials = config.credentials;
  }

  #credentials() {
    const given = this.credentials;
    if (given && given.accessKeyId && given.secretAccessKey) return given;
    const accessKeyId = setting("AWS_ACCESS_KEY_ID"), secretAccessKey = setting("AWS_SECRET_ACCESS_KEY");
    if (accessKeyId === undefined || secretAccessKey === undefined) throw new Error(NO_CREDENTIALS);
    return { accessKeyId, secretAccessKey, sessionToken: setting("AWS_SESSION_TOKEN") };
  }

  async #fetch(operation, body, convert) {
    const url = new URL(this.endpoint);
    const { accessKeyId, secretAccessKey, sessionToken } = this.#credentials();
    const date = new Date().toISOString().replace(/[-:]|\.\d{3}/g, "");
    const headers = {
      "content-type": "application/x-amz-json-1.0",
      host: url.host,
      "x-amz-date": date,
      ...(sessionToken ? { "x-amz-security-token": sessionToken } : {}),
      "x-amz-target": `DynamoDB_20120810.${operation}`,
    };
    let block = "";
    for (const name in headers) block += `${name}:${headers[name]}\n`;
    headers.authorization = N.awsAuthorization("POST", url.pathname, block, body, accessKeyId, secretAccessKey, date, this.region, "dynamodb");
    delete headers.host;
    const response = await load("fetch").fetch(url.href, { method: "POST", headers, body });
    return convert(answer(response.status, await response.text()));
  }

  // A promise of what convert() makes of the answer.
  call(operation, input, convert = same) {
    const body = JSON.stringify(input);
    if (this.endpoint !== null) return this.#fetch(operation, body, convert);
    return op(CALL, "wwss", [0, 0, operation, body], "hs", fields => {
      if (fields[0] !== ELSEWHERE) return convert(answer(fields[0], fields[1]));
      this.endpoint = `https://dynamodb.${this.region}.amazonaws.com/`;
      return this.#fetch(operation, body, convert);
    });
  }

  // A promise of the answer with plain values, of NOT_MINE, or of { taken }: a field whose value is another item's.
  task(verb, plan, text) {
    return op(TASK, "wwbss", [0, 0, verb, plan, text], "hs", fields => {
      const status = fields[0];
      if (status === 200) return JSON.parse(fields[1]);
      if (status === STATUS_MARKED) return revive(JSON.parse(fields[1]));
      if (status === STATUS_NOT_MINE) return NOT_MINE;
      if (status === STATUS_TAKEN) return { taken: fields[1] };
      if (status !== ELSEWHERE) throw failure(status, fields[1]);
      this.endpoint = `https://dynamodb.${this.region}.amazonaws.com/`;
      return NOT_MINE;
    });
  }

  // Nothing between the program and the table can fail for a moment.
  get isLocal() {
    return this.endpoint === null;
  }

  async send(command) {
    return await this.call(operationOf(command), command.input);
  }
}

// ---- the document client ----

function values(input) {
  const made = { ...input };
  if (made.Key) made.Key = marshallItem(made.Key);
  if (made.Item) made.Item = marshallItem(made.Item);
  if (made.ExpressionAttributeValues) made.ExpressionAttributeValues = marshallItem(made.ExpressionAttributeValues);
  if (made.ExclusiveStartKey) made.ExclusiveStartKey = marshallItem(made.ExclusiveStartKey);
  return made;
}

function requestItems(tables, convert) {
  const made = {};
  for (const table in tables) made[table] = tables[table].Keys ? { ...tables[table], Keys: tables[table].Keys.map(convert) } : tables[table];
  return made;
}

function marshallInput(operation, input) {
  if (operation === "BatchGetItem") return { ...input, RequestItems: requestItems(input.RequestItems, marshallItem) };
  if (operation !== "TransactWriteItems") return values(input);
  const TransactItems = input.TransactItems.map(item => {
    const made = {};
    for (const action in item) made[action] = values(item[action]);
    return made;
  });
  return { ...input, TransactItems };
}

// Whether JSON says all that is in the values.
function isPlainInput(operation, input) {
  if (operation === "BatchGetItem") {
    for (const table in input.RequestItems) if (!(input.RequestItems[table].Keys ?? []).every(isPlainItem)) return false;
    return true;
  }
  if (operation !== "TransactWriteItems") return arePlainValues(input);
  return input.TransactItems.every(item => Object.values(item).every(arePlainValues));
}

function arePlainValues({ Key, Item, ExpressionAttributeValues, ExclusiveStartKey }) {
  return isPlainItem(Key) && isPlainItem(Item) && isPlainItem(ExpressionAttributeValues) && isPlainItem(ExclusiveStartKey);
}

// In place: the answer is ours.
function unmarshallAnswer(operation, result) {
  if (result.Item) unmarshallInto(result.Item);
  if (result.Attributes) unmarshallInto(result.Attributes);
  if (result.Items) result.Items.forEach(unmarshallInto);
  if (result.LastEvaluatedKey && operation === "Query") unmarshallInto(result.LastEvaluatedKey);
  if (operation !== "BatchGetItem") return result;
  for (const table in result.Responses) result.Responses[table].forEach(unmarshallInto);
  if (result.UnprocessedKeys) result.UnprocessedKeys = requestItems(result.UnprocessedKeys, unmarshallItem);
  return result;
}

class DynamoDBDocumentClient {
  constructor(client) {
    this.client = client;
  }

  static from(client) {
    return new DynamoDBDocumentClient(client);
  }

  call(operation, input) {
    return this.isLocal && isPlainInput(operation, input) ? this.#task(operation, input) : this.#call(operation, input);
  }

  #call(operation, input) {
    return this.client.call(operation, marshallInput(operation, input), result => unmarshallAnswer(operation, result));
  }

  async #task(operation, input) {
    const result = await this.client.task(TASK_CALL, operation, JSON.stringify(input));
    return result === NOT_MINE ? this.#call(operation, input) : result;
  }

  task(verb, plan, text) {
    return this.client.task(verb, plan, text);
  }

  get isLocal() {
    return this.client.isLocal;
  }

  async send(command) {
    return await this.call(operationOf(command), command.input);
  }
}

// Failures of the network are tried again; what DynamoDB says is not.
function retrying(client, operation, input) {
  return client.isLocal ? client.call(operation, input) : retry(client, operation, input, 3);
}

async function retry(client, operation, input, tries) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await client.call(operation, input);
    } catch (error) {
      const network = error.name === "TimeoutError" || error.code === "NetworkingError" || `${error.message}`.includes("getaddrinfo ENOTFOUND");
      if (!network || attempt === tries) throw error;
      await sleep(2 ** (attempt - 1) * 100);
    }
  }
}

function sleep(ms) {
  return new Promise(resolve => setTimeout(resolve, ms));
}

const commands = {
  GetCommand,
  QueryCommand,
  UpdateCommand,
  DeleteCommand,
  BatchGetCommand,
  TransactWriteCommand,
  CreateTableCommand,
  ListTablesCommand,
  DescribeTableCommand,
  UpdateTimeToLiveCommand,
  DescribeTimeToLiveCommand,
  UpdateTableCommand,
};

export { DynamoDBClient, DynamoDBDocumentClient, commands, marshall, retrying, sleep, unmarshall };
