/** What names secrets, in forms and in data layers: of passwords, codes, cards, accounts and of persons for Google. */
export const SECRET =
  /pass|pw|kenn|senha|contras|mdp|parol|s[ei]c[hru]|segu|token|key\b|otp|one-t|verif|pr[\Wu]e?f|pin(\b|_)|[,s]code\b|[ck]ar[dt]|cc|c[vs][cv]|exp[-_im]|iban|ssn|social|user_d/i
