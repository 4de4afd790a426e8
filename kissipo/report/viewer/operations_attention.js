export const attentionRules = {};
