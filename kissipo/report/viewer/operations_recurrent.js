export const recurrentRules = {};
