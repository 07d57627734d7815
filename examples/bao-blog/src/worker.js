// A blog on one DynamoDB table: models generated from models.yaml, one batch of reads for each request.
import { getBatchContextCapacity, initModels, runWithBatchContext } from "dynamo-bao";
import generatedModels from "../.bao/models.js";

let models;

function init(env) {
  models ??= initModels({
    models: generatedModels,
    aws: {
      region: env.AWS_REGION,
      credentials: { accessKeyId: env.AWS_ACCESS_KEY_ID, secretAccessKey: env.AWS_SECRET_ACCESS_KEY },
    },
    db: { tableName: env.TABLE_NAME },
  });
  return models.models;
}

// What a client sees of an item: its fields.
function shown(item) {
  const fields = {};
  for (const name of Object.keys(item.constructor.fields)) fields[name] = item[name] instanceof Set ? [...item[name]] : item[name];
  return fields;
}

function json(value, status = 200) {
  return Response.json(value, { status });
}

const notFound = () => json({ error: "Not Found" }, 404);

async function found(item) {
  const it = await item;
  return it.exists() ? json(shown(it)) : notFound();
}

// The user, the latest posts, and who has commented on them: a query for each list, one batch for all people.
async function dashboard({ User, Comment }, userId) {
  const loaderContext = {};
  const user = await User.find(userId, { loaderContext });
  if (!user.exists()) return notFound();
  const posts = await user.queryPosts(null, { direction: "DESC", limit: 10, loadRelated: true, loaderContext });
  const comments = await Promise.all(posts.items.map(post => Comment.queryByIndex("commentsForPost", post.postId, null, { loadRelated: true, relatedFields: ["authorId"], loaderContext })));
  return json({
    user: shown(user),
    posts: posts.items.map((post, i) => ({
      ...shown(post),
      author: post.getRelated("userId").name,
      comments: comments[i].items.map(comment => ({ text: comment.text, author: comment.getRelated("authorId").name })),
    })),
    totalPosts: posts.count,
    capacity: getBatchContextCapacity(),
  });
}

async function everyPost({ Post }) {
  const titles = [];
  for await (const batch of Post.iterateAll()) for (const post of batch) titles.push(post.title);
  return json({ titles: titles.sort() });
}

async function route(request, { User, Post, Comment }) {
  const url = new URL(request.url);
  const [, kind, id] = url.pathname.split("/");
  const method = `${request.method} /${kind}${id === undefined ? "" : "/:id"}`;
  switch (method) {
    case "POST /users":
      return json(shown(await User.create(await request.json())), 201);
    case "GET /users":
      return found(User.findByEmail(url.searchParams.get("email")));
    case "GET /users/:id":
      return found(User.find(id));
    case "DELETE /users/:id":
      await User.delete(id);
      return json({ deleted: id });
    case "GET /people": // ?ids=a,b,c: one BatchGetItem
      return json((await Promise.all(url.searchParams.get("ids").split(",").map(one => User.find(one)))).map(user => (user.exists() ? user.name : null)));
    case "POST /posts":
      return json(shown(await Post.create(await request.json())), 201);
    case "GET /posts":
      return everyPost({ Post });
    case "GET /posts/:id":
      return found(Post.update(id, { views: "+1" }));
    case "POST /comments":
      return json(shown(await Comment.create(await request.json())), 201);
    case "GET /dashboard":
      return dashboard({ User, Comment }, url.searchParams.get("userId"));
    default:
      return notFound();
  }
}

// What the models refuse is the client's error; anything else is ours.
const REFUSALS = { ValidationError: 422, ConditionalError: 409, ItemNotFoundError: 404 };

export default {
  async fetch(request, env) {
    const classes = init(env);
    try {
      return await runWithBatchContext(() => route(request, classes));
    } catch (error) {
      const status = REFUSALS[error.name];
      if (status === undefined) throw error;
      return json({ error: error.message }, status);
    }
  },
};
