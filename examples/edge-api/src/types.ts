import type { Counter } from './counter';

export interface Job {
  id: string;
  kind: 'welcome' | 'fail';
  user?: string;
}

export interface Env {
  DB: D1Database;
  BUCKET: R2Bucket;
  CACHE: KVNamespace;
  COUNTER: DurableObjectNamespace<Counter>;
  JOBS: Queue<Job>;
  ENVIRONMENT: 'development' | 'staging' | 'production';
  ALLOWED_ORIGIN: string;
  S3_ENDPOINT: string;
  // Secrets: .dev.vars in development. `selvage r2 credentials create` makes the two of S3.
  API_KEY?: string;
  S3_ACCESS_KEY_ID?: string;
  S3_SECRET_ACCESS_KEY?: string;
}

export type App = { Bindings: Env };
