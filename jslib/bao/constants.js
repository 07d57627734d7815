// Names of the table's attributes and indexes. They are stored: changing one loses data.

export const GSI_INDEX_ID1 = "gsi1";
export const GSI_INDEX_ID2 = "gsi2";
export const GSI_INDEX_ID3 = "gsi3";
export const GSI_INDEX_ID4 = "gsi4";
export const GSI_INDEX_ID5 = "gsi5";

export const ITERATION_INDEX_NAME = "iter_index";
export const ITERATION_PK_FIELD = "_iter_pk";
export const ITERATION_SK_FIELD = "_iter_sk";

export const UNIQUE_CONSTRAINT_ID1 = "_uc1";
export const UNIQUE_CONSTRAINT_ID2 = "_uc2";
export const UNIQUE_CONSTRAINT_ID3 = "_uc3";
export const UNIQUE_CONSTRAINT_KEY = "_raft_uc";

export const INDEX_IDS = [GSI_INDEX_ID1, GSI_INDEX_ID2, GSI_INDEX_ID3, GSI_INDEX_ID4, GSI_INDEX_ID5];
export const CONSTRAINT_IDS = [UNIQUE_CONSTRAINT_ID1, UNIQUE_CONSTRAINT_ID2, UNIQUE_CONSTRAINT_ID3];
export const SYSTEM_FIELDS = ["_pk", "_sk"];
for (const id of INDEX_IDS) SYSTEM_FIELDS.push(`_${id}_pk`, `_${id}_sk`);
SYSTEM_FIELDS.push(ITERATION_PK_FIELD, ITERATION_SK_FIELD);

// Stands for the model's prefix where a key names a field.
export const PREFIX = "modelPrefix";
export const ID_SEPARATOR = "##__SK__##";
