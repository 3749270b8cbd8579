import { useMutation, useQueryClient } from '@tanstack/react-query';
import { HttpFault, post } from '../../lib/http.ts';
import { meQuery } from '../../lib/session.ts';

export interface SignUp {
  name: string;
  email: string;
  password: string;
}

/** Creates the account and signs in. Answers whether there is a session now. */
export function useSignUp() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (account: SignUp): Promise<boolean> => {
      await post('/auth/sign-up/email', account);
      return (await queries.fetchQuery({ ...meQuery, staleTime: 0 })) !== null;
    },
  });
}

export function useSignIn() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (credentials: { email: string; password: string }) => {
      await post('/auth/sign-in/email', credentials);
      queries.clear();
      return queries.fetchQuery({ ...meQuery, staleTime: 0 });
    },
  });
}

export function useResendVerification() {
  return useMutation({
    mutationFn: (email: string) => post('/auth/send-verification-email', { email }),
  });
}

export function useRequestReset() {
  return useMutation({
    mutationFn: (email: string) => post('/auth/request-password-reset', { email }),
  });
}

/** Sets a new password. Every session has ended then, so what was read with one is forgotten. */
export function useResetPassword() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ token, password }: { token: string; password: string }) =>
      post('/auth/reset-password', { token, new_password: password }),
    onSuccess: () => queries.removeQueries({ queryKey: meQuery.queryKey }),
  });
}

/** Makes the first operator, then signs in as them. */
export function useFirstRun() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (operator: SignUp & { token: string }) => {
      await post('/v1/operators/first_run', operator);
      await post('/auth/sign-in/email', { email: operator.email, password: operator.password });
      queries.clear();
      return queries.fetchQuery({ ...meQuery, staleTime: 0 });
    },
  });
}

/** Opens a portal by its link; what was read as somebody else is forgotten. */
export function useEnterPortal() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (token: string) => {
      await post('/auth/portal', { token });
      queries.clear();
    },
  });
}

/** What to tell somebody whose form was refused. */
export function accountAdvice(error: unknown): string {
  if (!(error instanceof HttpFault)) return 'Something went wrong. Please try again.';
  if (/already exists/i.test(error.message)) return 'There is an account with this email already. Sign in instead.';
  if (error.status === 401) return 'This email and password do not belong together.';
  if (error.code === 'first_run_token_invalid') {
    return 'This token is not valid any more. Start the server again: it prints a new one while there is no operator.';
  }
  if (error.status === 429) return 'Too many attempts. Wait a minute, then try again.';
  return error.message;
}
