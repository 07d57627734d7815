export type Bindings = {
  ENVIRONMENT: string;
  ALLOWED_ORIGIN: string;
};

export type AppEnv = { Bindings: Bindings };
