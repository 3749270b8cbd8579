/** Who writes: the seller, never Farebox. */
export interface Brand {
  seller_name: string;
  support_email: string;
}

/** What each kind of mail is told. Amounts and dates come formatted; addresses are `http` or `https`. */
export interface MailData {
  /** Asks somebody who signed up to prove that the address is theirs. */
  verify_address: { name: string; url: string };
  /** Lets somebody who forgot the password set a new one. */
  reset_password: { name: string; url: string };
  /** The first subscription has begun; the key itself is shown in the dashboard only. */
  welcome: { name: string; plan_name: string; key_start: string | null; dashboard_url: string; api_url: string };
  /** An invoice was paid. */
  receipt: {
    name: string;
    invoice_number: string;
    amount: string;
    paid_on: string;
    lines: { description: string; amount: string }[];
    invoice_url: string | null;
    pdf_url: string | null;
  };
}

export type MailKind = keyof MailData;

export interface RenderedMail {
  subject: string;
  html: string;
  text: string;
}
