/** What names secrets, in forms and in data layers: of passwords, codes, cards, accounts and of persons for Google. The
 *  order is the one that packs best. */
export const SECRET =
  /token|pw|exp[-_im]|pin(\b|_)|mdp|s[ei]c[hru]|one-t|pr[\Wu]e?f|key\b|ssn|parol|(,|s|h_?)code\b|senha|verif|kenn|iban|pass|social|otp|contras|card|kart|cart[aeo]|user_d|segu|c[vs][cv]|tarj|cc/i
