const { BaoModel, PrimaryKeyConfig, IndexConfig, fields } = require("dynamo-bao");
const { StringField, UlidField, CreateDateField } = fields;
const { GSI_INDEX_ID1 } = require("dynamo-bao").constants;

class Post extends BaoModel {
  static modelPrefix = "p";

  static fields = {
    postId: UlidField({ autoAssign: true }),
    userId: StringField({ required: true }),
    title: StringField({ required: true }),
    content: StringField(),
    createdAt: CreateDateField(),
  };

  static primaryKey = PrimaryKeyConfig("postId");

  static indexes = {
    byUser: IndexConfig("userId", "createdAt", GSI_INDEX_ID1),
  };
}

module.exports = { Post };
