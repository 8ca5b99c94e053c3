import { queryOptions } from '@tanstack/react-query';
import { request } from '../api/request';

/** The part of an OpenAPI 3 document that the page reads. */
export interface OpenApiDocument {
  info: { title: string; version: string; description?: string };
  paths: Record<string, PathItem | undefined>;
  components?: { schemas?: Record<string, Schema> };
}

type PathItem = Partial<Record<Method, OperationObject>> & { parameters?: (Parameter | Reference)[] };

const methods = ['get', 'put', 'post', 'delete', 'patch', 'head', 'options'] as const;
type Method = (typeof methods)[number];

interface OperationObject {
  operationId?: string;
  summary?: string;
  description?: string;
  tags?: string[];
  parameters?: (Parameter | Reference)[];
  requestBody?: { description?: string; required?: boolean; content?: Record<string, MediaType> };
  responses?: Record<string, { description?: string; content?: Record<string, MediaType> }>;
}

interface Reference {
  $ref: string;
}

export interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header' | 'cookie';
  required?: boolean;
  description?: string;
  schema?: Schema;
}

interface MediaType {
  schema?: Schema;
  example?: unknown;
}

export interface Schema {
  $ref?: string;
  type?: string | string[];
  format?: string;
  description?: string;
  enum?: unknown[];
  default?: unknown;
  example?: unknown;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  oneOf?: Schema[];
  anyOf?: Schema[];
  allOf?: Schema[];
}

/** One method on one path, with what it takes and answers. */
export interface Operation {
  id: string;
  method: string;
  path: string;
  tag: string;
  summary: string;
  description: string;
  parameters: Parameter[];
  body: { description: string; required: boolean; types: { type: string; example: string }[] } | null;
  responses: { status: string; description: string }[];
}

export const openApiQuery = queryOptions({
  queryKey: ['openapi'],
  queryFn: ({ signal }) => request<OpenApiDocument>('/openapi/v1.json', { signal }),
  staleTime: Infinity,
});

/** All operations of a document, in its order. */
export function operationsOf(document: OpenApiDocument): Operation[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    methods.flatMap((method) => {
      const operation = item?.[method];
      return operation ? [read(document, path, method, operation, item.parameters ?? [])] : [];
    }),
  );
}

function read(
  document: OpenApiDocument,
  path: string,
  method: Method,
  operation: OperationObject,
  shared: readonly (Parameter | Reference)[],
): Operation {
  const content = Object.entries(operation.requestBody?.content ?? {});
  return {
    id: `${method} ${path}`,
    method: method.toUpperCase(),
    path,
    tag: operation.tags?.[0] ?? 'Other',
    summary: operation.summary ?? '',
    description: operation.description ?? '',
    parameters: [...shared, ...(operation.parameters ?? [])].filter((p): p is Parameter => !('$ref' in p)),
    body:
      content.length === 0
        ? null
        : {
            description: operation.requestBody?.description ?? '',
            required: operation.requestBody?.required ?? false,
            types: content.map(([type, media]) => ({ type, example: exampleOf(document, type, media) })),
          },
    responses: Object.entries(operation.responses ?? {}).map(([status, response]) => ({
      status,
      description: response.description ?? '',
    })),
  };
}

function exampleOf(document: OpenApiDocument, type: string, media: MediaType): string {
  const value = media.example ?? sample(document, media.schema, 0) ?? {};
  if (typeof value === 'string') return value;
  return type.includes('ndjson') ? JSON.stringify(value) : JSON.stringify(value, null, 2);
}

/** A value that fits a schema, to be edited. */
function sample(document: OpenApiDocument, schema: Schema | undefined, depth: number): unknown {
  // A schema may contain itself.
  if (schema === undefined || depth > 6) return null;
  if (schema.$ref !== undefined) {
    const name = schema.$ref.split('/').at(-1) ?? '';
    return sample(document, document.components?.schemas?.[name], depth + 1);
  }
  if (schema.example !== undefined) return schema.example;
  if (schema.default !== undefined) return schema.default;
  if (schema.enum !== undefined) return schema.enum[0];
  const part = schema.allOf ?? schema.oneOf ?? schema.anyOf;
  if (part !== undefined)
    return sample(
      document,
      part.find((p) => p.type !== 'null'),
      depth + 1,
    );
  const type = Array.isArray(schema.type) ? schema.type.find((t) => t !== 'null') : schema.type;
  switch (type) {
    case 'array':
      return [sample(document, schema.items, depth + 1)];
    case 'integer':
    case 'number':
      return 0;
    case 'boolean':
      return false;
    case 'string':
      return schema.format === 'date-time' ? '2026-01-01T00:00:00Z' : '';
    default:
      return Object.fromEntries(
        Object.entries(schema.properties ?? {}).map(([name, property]) => [
          name,
          sample(document, property, depth + 1),
        ]),
      );
  }
}
