// The same with the client that @hey-api/openapi-ts writes.
import { createArticle, deleteArticle, listArticles } from "./sdk/sdk.gen.js";

export async function titles(): Promise<string[]> {
  const { data, error } = await listArticles({ query: { limit: 20, sort: ["-published_at"] } });
  if (error) throw new Error(error.detail);
  return data.items.map((item) => item.title ?? "");
}

export async function draft(title: string): Promise<void> {
  const { data, error } = await createArticle({ body: { title } });
  if (error) throw new Error(error.detail);
  await deleteArticle({ path: { key: data.id }, headers: { "if-match": "*" } });
}
