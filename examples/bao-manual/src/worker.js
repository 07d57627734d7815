// Models written by hand, as CommonJS modules, in a Worker that is an ES module.
import { initModels, runWithBatchContext } from "dynamo-bao";
import { User } from "./models/user.js";
import { Post } from "./models/post.js";

let models;

export default {
  async fetch(request, env) {
    models ??= initModels({
      models: { User, Post },
      aws: { region: env.AWS_REGION },
      db: { tableName: env.TABLE_NAME },
    });

    return runWithBatchContext(async () => {
      const { User, Post } = models.models;
      const url = new URL(request.url);

      if (url.pathname === "/users" && request.method === "POST") {
        const user = await User.create(await request.json());
        return Response.json({ userId: user.userId, name: user.name, email: user.email });
      }
      if (url.pathname === "/posts" && request.method === "POST") {
        const post = await Post.create(await request.json());
        return Response.json({ postId: post.postId, title: post.title });
      }
      if (url.pathname.startsWith("/users/") && request.method === "GET") {
        const userId = url.pathname.split("/")[2];
        const user = await User.find(userId);
        if (!user.exists()) return new Response("Not Found", { status: 404 });
        const posts = await Post.queryByIndex("byUser", userId);
        return Response.json({ name: user.name, email: user.email, posts: posts.items.map(post => post.title) });
      }
      return new Response("Not Found", { status: 404 });
    });
  },
};
