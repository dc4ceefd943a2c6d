//! Validators: check digits, checksums and structures of numbers and tokens.
//!
//! A check digit rejects nine of ten random numbers. Validators ignore spaces, `-`, `.` and `/` in numbers.

mod africa;
mod americas;
mod asia;
mod card;
mod date;
mod de;
mod digits;
mod europe;
mod iban;
mod network;
mod oceania;
mod token;
mod uk;
mod us;

use serde::Deserialize;

/// Validator of the reported text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Validator {
    /// Check digit by the Luhn algorithm (ISO/IEC 7812-1).
    Luhn,
    /// Payment card: Luhn digit, first digits of an issuer, and its length.
    Card,
    /// International bank account number: length of the country and check digits.
    Iban,
    /// Date that exists, of 1900 to 2099.
    Date,
    /// IPv4 or IPv6 address, other than an unspecified or loopback one.
    Ip,
    /// IPv4 or IPv6 address of the public Internet.
    PublicIp,
    /// Telephone number that is plausible: length, and country code if it has one.
    Phone,
    /// IMEI of a mobile phone: 15 digits with a Luhn digit.
    Imei,
    /// Vehicle identification number with a check digit.
    Vin,
    /// JSON web token: header with `alg` and claims begin and end like JSON objects, in base64url.
    Jwt,
    /// GitHub token with the right checksum.
    GithubCrc32,
    /// Routing number of a bank in the United States.
    Aba,
    /// Social security number of the United States that may have been assigned.
    UsSsn,
    /// Individual taxpayer identification number of the United States.
    UsItin,
    /// National provider identifier of the United States.
    UsNpi,
    /// Registration number of the Drug Enforcement Administration.
    UsDea,
    /// Social insurance number of Canada.
    CaSin,
    /// CPF of Brazil.
    BrCpf,
    /// CNPJ of Brazil, also with letters.
    BrCnpj,
    /// RUT of Chile.
    ClRut,
    /// CURP of Mexico.
    MxCurp,
    /// CUIT or CUIL of Argentina.
    ArCuit,
    /// NHS number of the United Kingdom.
    UkNhs,
    /// National insurance number of the United Kingdom with a prefix that is assigned.
    UkNino,
    /// Tax identification number of Germany.
    DeTaxId,
    /// VAT number of Germany.
    DeVatId,
    /// Pension insurance number of Germany.
    DeSocialSecurity,
    /// Health insurance number of Germany.
    DeHealthInsurance,
    /// Number of an identity card or passport of Germany with its check digit.
    DeIdCard,
    /// Number of a physician in Germany (LANR).
    DeLanr,
    /// DNI of Spain with its letter.
    EsNif,
    /// NIE of Spain.
    EsNie,
    /// Social security number of France with its key.
    FrNir,
    /// Tax code of a person in Italy.
    ItFiscalCode,
    /// VAT number of Italy.
    ItVatCode,
    /// PESEL of Poland.
    PlPesel,
    /// NIP of Poland.
    PlNip,
    /// BSN of the Netherlands.
    NlBsn,
    /// National number of Belgium.
    BeNrn,
    /// NIF of Portugal.
    PtNif,
    /// Personal identity code of Finland.
    FiPersonalIdentityCode,
    /// Personal identity or coordination number of Sweden.
    SePersonnummer,
    /// Number of an organisation in Sweden.
    SeOrganisationsnummer,
    /// National identity number of Norway.
    NoFodselsnummer,
    /// Social insurance number of Switzerland.
    ChAhv,
    /// Social insurance number of Austria.
    AtSvnr,
    /// Identification number of Turkey.
    TrNationalId,
    /// Aadhaar number of India.
    InAadhaar,
    /// GSTIN of India.
    InGstin,
    /// NRIC or FIN of Singapore.
    SgNric,
    /// Resident registration number of South Korea, of before October 2020.
    KrRrn,
    /// Registration number of a foreigner in South Korea, of before October 2020.
    KrFrn,
    /// Business registration number of South Korea.
    KrBrn,
    /// Identification number of Thailand.
    ThTnin,
    /// Resident identity number of China.
    CnResidentId,
    /// Individual number of Japan.
    JpMyNumber,
    /// Business number of Australia.
    AuAbn,
    /// Company number of Australia.
    AuAcn,
    /// Tax file number of Australia.
    AuTfn,
    /// Medicare card number of Australia.
    AuMedicare,
    /// Tax number of New Zealand.
    NzIrd,
    /// Identity number of South Africa.
    ZaIdNumber,
    /// National identification number of Nigeria.
    NgNin,
    /// Identity number of Israel.
    IlIdNumber,
}

impl Validator {
    /// Returns `true` if a text is valid.
    pub(crate) fn holds(self, text: &str) -> bool {
        match self {
            Validator::Luhn => card::luhn(text),
            Validator::Card => card::card(text),
            Validator::Iban => iban::iban(text),
            Validator::Date => date::date(text),
            Validator::Ip => network::ip(text),
            Validator::PublicIp => network::public_ip(text),
            Validator::Phone => network::phone(text),
            Validator::Imei => network::imei(text),
            Validator::Vin => network::vin(text),
            Validator::Jwt => token::jwt(text),
            Validator::GithubCrc32 => token::github_crc32(text),
            Validator::Aba => us::aba(text),
            Validator::UsSsn => us::us_ssn(text),
            Validator::UsItin => us::us_itin(text),
            Validator::UsNpi => us::us_npi(text),
            Validator::UsDea => us::us_dea(text),
            Validator::CaSin => americas::ca_sin(text),
            Validator::BrCpf => americas::br_cpf(text),
            Validator::BrCnpj => americas::br_cnpj(text),
            Validator::ClRut => americas::cl_rut(text),
            Validator::MxCurp => americas::mx_curp(text),
            Validator::ArCuit => americas::ar_cuit(text),
            Validator::UkNhs => uk::uk_nhs(text),
            Validator::UkNino => uk::uk_nino(text),
            Validator::DeTaxId => de::de_tax_id(text),
            Validator::DeVatId => de::de_vat_id(text),
            Validator::DeSocialSecurity => de::de_social_security(text),
            Validator::DeHealthInsurance => de::de_health_insurance(text),
            Validator::DeIdCard => de::de_id_card(text),
            Validator::DeLanr => de::de_lanr(text),
            Validator::EsNif => europe::es_nif(text),
            Validator::EsNie => europe::es_nie(text),
            Validator::FrNir => europe::fr_nir(text),
            Validator::ItFiscalCode => europe::it_fiscal_code(text),
            Validator::ItVatCode => europe::it_vat_code(text),
            Validator::PlPesel => europe::pl_pesel(text),
            Validator::PlNip => europe::pl_nip(text),
            Validator::NlBsn => europe::nl_bsn(text),
            Validator::BeNrn => europe::be_nrn(text),
            Validator::PtNif => europe::pt_nif(text),
            Validator::FiPersonalIdentityCode => europe::fi_personal_identity_code(text),
            Validator::SePersonnummer => europe::se_personnummer(text),
            Validator::SeOrganisationsnummer => europe::se_organisationsnummer(text),
            Validator::NoFodselsnummer => europe::no_fodselsnummer(text),
            Validator::ChAhv => europe::ch_ahv(text),
            Validator::AtSvnr => europe::at_svnr(text),
            Validator::TrNationalId => europe::tr_national_id(text),
            Validator::InAadhaar => asia::in_aadhaar(text),
            Validator::InGstin => asia::in_gstin(text),
            Validator::SgNric => asia::sg_nric(text),
            Validator::KrRrn => asia::kr_rrn(text),
            Validator::KrFrn => asia::kr_frn(text),
            Validator::KrBrn => asia::kr_brn(text),
            Validator::ThTnin => asia::th_tnin(text),
            Validator::CnResidentId => asia::cn_resident_id(text),
            Validator::JpMyNumber => asia::jp_my_number(text),
            Validator::AuAbn => oceania::au_abn(text),
            Validator::AuAcn => oceania::au_acn(text),
            Validator::AuTfn => oceania::au_tfn(text),
            Validator::AuMedicare => oceania::au_medicare(text),
            Validator::NzIrd => oceania::nz_ird(text),
            Validator::ZaIdNumber => africa::za_id_number(text),
            Validator::NgNin => africa::ng_nin(text),
            Validator::IlIdNumber => africa::il_id_number(text),
        }
    }
}

/// Validators of a rule; all of them must hold.
#[derive(Debug, Default)]
pub(crate) struct Validators(pub(crate) Box<[Validator]>);

impl Validators {
    /// Returns `true` if all validators accept the reported text.
    pub(crate) fn hold(&self, reported: &str) -> bool {
        self.0.iter().all(|validator| validator.holds(reported))
    }

    /// Returns `true` if there are no validators.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests;
