// What a reader of the API writes with openapi-typescript and openapi-fetch; it has to compile under `strict`.
import createClient from "openapi-fetch";
import type { paths } from "./paths.js";

const client = createClient<paths>({ baseUrl: "http://127.0.0.1:8000" });

export async function titles(): Promise<string[]> {
  const { data, error } = await client.GET("/api/v1/articles", {
    params: { query: { limit: 20, sort: ["-published_at"], tags__slug__in: ["tides", "rope"], total: "none" } },
  });
  if (error) throw new Error(error.detail);
  return data.items.map((item) => item.title ?? "");
}

export async function rename(key: string, title: string): Promise<string> {
  const found = await client.GET("/api/v1/articles/{key}", { params: { path: { key }, query: { fields: ["id"] } } });
  const { data, error } = await client.PATCH("/api/v1/articles/{key}", {
    params: { path: { key }, header: { "if-match": found.response.headers.get("ETag") ?? "*" } },
    body: { title, tags: ["tides"] },
  });
  if (error) throw new Error(error.detail);
  return data.title;
}

export async function remove(key: string): Promise<void> {
  // @ts-expect-error a deletion names the version
  await client.DELETE("/api/v1/articles/{key}", { params: { path: { key } } });
  await client.DELETE("/api/v1/articles/{key}", { params: { path: { key }, header: { "if-match": "*" } } });
}
